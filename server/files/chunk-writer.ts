import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';

/** Size of a chunk in bytes: the default of GridFS. */
export const chunkSize = 255 * 1024;

/** Chunks in one insert: 4 MiB. */
const batchChunks = 16;
const bufferSize = batchChunks * chunkSize;

/**
 * Milliseconds for which chunks stay after their file has expired, so that MongoDB never removes the chunks of a file
 * that can still be found.
 */
const chunkGraceMs = 5 * 60 * 1000;

/**
 * Writes the chunks of one file: while one insert runs, the next buffer is filled, so it uses two buffers of 4 MiB.
 * Unlike in plain GridFS, each chunk has its own date, so the chunks of an upload whose process was killed expire too.
 */
export class ChunkWriter {
  readonly #uploadDate: Date;
  #filling: Buffer = Buffer.allocUnsafeSlow(bufferSize);
  #used = 0;
  #spare: Buffer | undefined;
  #pendingInsert: Promise<void> = Promise.resolve();
  #sentChunks = 0;
  #sentBytes = 0;

  constructor(
    private readonly chunks: Collection<StoredChunk>,
    private readonly file: Pick<StoredFile, '_id' | 'uploadDate'>,
  ) {
    this.#uploadDate = new Date(file.uploadDate.getTime() + chunkGraceMs);
  }

  /** Adds bytes to the file; resolves when there is room for more. @throws the error of an earlier insert */
  async write(piece: Uint8Array): Promise<void> {
    for (let copied = 0; copied < piece.length; ) {
      const part = piece.subarray(copied, copied + bufferSize - this.#used);
      this.#filling.set(part, this.#used);
      this.#used += part.length;
      copied += part.length;
      if (this.#used === bufferSize) await this.#send();
    }
  }

  /** Writes the remaining bytes and returns the file's length in bytes once all of them are stored. */
  async end(): Promise<number> {
    if (this.#used > 0) await this.#send();
    await this.#pendingInsert;
    return this.#sentBytes;
  }

  /** Resolves when no insert is running any more, whether the last one failed or not. */
  async settle(): Promise<void> {
    await this.#pendingInsert.catch(() => undefined);
  }

  async #send(): Promise<void> {
    await this.#pendingInsert;
    const full = this.#filling;
    const insert = this.#insert(full.subarray(0, this.#used));
    this.#pendingInsert = insert.then(() => {
      this.#spare = full;
    });
    // The next write throws its error.
    this.#pendingInsert.catch(() => undefined);
    this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(bufferSize);
    this.#spare = undefined;
    this.#used = 0;
  }

  async #insert(bytes: Buffer): Promise<void> {
    const batch: StoredChunk[] = [];
    for (let start = 0; start < bytes.length; start += chunkSize) {
      batch.push({
        files_id: this.file._id,
        n: this.#sentChunks++,
        data: bytes.subarray(start, start + chunkSize),
        uploadDate: this.#uploadDate,
      });
    }
    this.#sentBytes += bytes.length;
    await this.chunks.insertMany(batch);
  }
}
