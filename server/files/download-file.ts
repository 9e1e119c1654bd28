import { Readable } from 'node:stream';
import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';
import type { FileServices } from './services.js';

/** A range of bytes in a file; `end` is exclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Streams a file, or a part of it, with a few chunks in memory at a time. The stream fails if a chunk is missing or too
 * short, such as when the file is removed meanwhile.
 */
export function downloadFile(
  { collections }: Pick<FileServices, 'collections'>,
  file: StoredFile,
  range: ByteRange = { start: 0, end: file.length },
): Readable {
  return Readable.from(readChunks(collections.fileChunks, file, range), {
    objectMode: false,
    // The stream then holds one chunk.
    highWaterMark: 1,
  });
}

async function* readChunks(
  chunks: Collection<StoredChunk>,
  { _id, chunkSize, length }: StoredFile,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer> {
  for (let n = Math.floor(start / chunkSize); n * chunkSize < end; n += 1) {
    const from = n * chunkSize;
    // Not with a cursor, which would hold two more chunks: its last response, and the one with its cluster time.
    const chunk = await chunks.findOne(
      { files_id: _id, n },
      { promoteBuffers: true, projection: { _id: 0, data: 1 } },
    );
    const size = Math.min(chunkSize, length - from);
    if (chunk?.data.length !== size)
      throw new Error(`chunk ${n} of the file ${_id.toHexString()} is missing or truncated`);
    yield chunk.data.subarray(Math.max(0, start - from), Math.min(size, end - from));
  }
}
