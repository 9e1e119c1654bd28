import { Readable } from 'node:stream';
import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';
import type { FileServices } from './services.js';

/** A range of bytes in a file; `end` is exclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Chunks that are fetched together: with those that wait to be sent, a slow client holds less than 1 MiB. */
const batchChunks = 1;

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
  if (start >= end) return;
  let next = Math.floor(start / chunkSize);
  const last = Math.floor((end - 1) / chunkSize);
  const found = chunks.find(
    { files_id: _id, n: { $gte: next, $lte: last } },
    { sort: { n: 1 }, batchSize: batchChunks, promoteBuffers: true, projection: { _id: 0, n: 1, data: 1 } },
  );
  try {
    for await (const { n, data } of found) {
      const from = n * chunkSize;
      if (n !== next || data.length !== Math.min(chunkSize, length - from)) break;
      next += 1;
      yield data.subarray(Math.max(0, start - from), Math.min(data.length, end - from));
    }
  } finally {
    await found.close();
  }
  if (next <= last) throw new Error(`chunk ${next} of the file ${_id.toHexString()} is missing or truncated`);
}
