import type { FileServices } from './services.js';
import { Readable } from 'node:stream';
import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';

/** Part of a file in bytes; `end` is not part of it. */
export interface ByteRange {
  start: number;
  end: number;
}

/** Chunks that are fetched together. */
const batchChunks = 16;

/**
 * The bytes of a file, or of a part of it, as a stream that holds a few chunks at a time.
 * It ends with an error when a chunk is not there or is cut, such as when the file is removed meanwhile.
 */
export function downloadFile(
  { collections }: Pick<FileServices, 'collections'>,
  file: StoredFile,
  range: ByteRange = { start: 0, end: file.length },
): Readable {
  return Readable.from(readChunks(collections.fileChunks, file, range), {
    objectMode: false,
    highWaterMark: file.chunkSize,
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
  if (next <= last) throw new Error(`chunk ${next} of the file ${_id.toHexString()} is missing or cut`);
}
