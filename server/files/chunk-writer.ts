import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';

/** Bytes of a chunk: GridFS's own default. */
export const chunkSize = 255 * 1024;

/** Chunks that travel in one insert: 4 MiB. */
const batchChunks = 16;
const slabSize = batchChunks * chunkSize;

/**
 * Milliseconds by which chunks outlive the file that they belong to, so that the expiry never takes the chunks of a
 * file that can still be found.
 */
const chunkGraceMs = 5 * 60 * 1000;

/**
 * Writes the chunks of one file: one insert is under way while the next fills, so that two slabs of 4 MiB are all
 * the memory it takes. Chunks carry a date of their own (GridFS's do not), by which those of a killed process expire.
 */
export class ChunkWriter {
  readonly #uploadDate: Date;
  #filling: Buffer = Buffer.allocUnsafeSlow(slabSize);
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

  /** Takes the next bytes; resolves when there is room for more. @throws what an earlier insert failed with */
  async write(piece: Uint8Array): Promise<void> {
    for (let taken = 0; taken < piece.length; ) {
      const part = piece.subarray(taken, taken + slabSize - this.#used);
      this.#filling.set(part, this.#used);
      this.#used += part.length;
      taken += part.length;
      if (this.#used === slabSize) await this.#send();
    }
  }

  /** Writes what is left and gives the length in bytes, once all of it is stored. */
  async end(): Promise<number> {
    if (this.#used > 0) await this.#send();
    await this.#pendingInsert;
    return this.#sentBytes;
  }

  /** Resolves when no insert is under way any more, failed or not. */
  async settle(): Promise<void> {
    await this.#pendingInsert.catch(() => undefined);
  }

  async #send(): Promise<void> {
    await this.#pendingInsert;
    const slab = this.#filling;
    const insert = this.#insert(slab.subarray(0, this.#used));
    this.#pendingInsert = insert.then(() => {
      this.#spare = slab;
    });
    // Its failure is told by the next write.
    this.#pendingInsert.catch(() => undefined);
    this.#filling = this.#spare ?? Buffer.allocUnsafeSlow(slabSize);
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
