import type { Collection } from 'mongodb';
import type { StoredChunk, StoredFile } from './collections.js';

/** Size of a chunk in bytes: the default of GridFS. */
export const chunkSize = 255 * 1024;

/** Chunks in one insert: 4 MiB. */
const batchChunks = 16;

/** Bytes of the first buffer. It grows with the file, since the memory of a whole chunk would cost more than a small file. */
const firstBufferSize = 8 * 1024;

/**
 * Milliseconds for which chunks stay after their file has expired, so that MongoDB never removes the chunks of a file
 * that can still be found.
 */
const chunkGraceMs = 5 * 60 * 1000;

/**
 * Writes the chunks of one file: while one insert runs, the next chunks are filled, so it uses 8 MiB at most. Unlike in plain
 * GridFS, each chunk has its own date, so the chunks of an upload whose process was killed expire too.
 */
export class ChunkWriter {
  readonly #uploadDate: Date;
  #chunk: Buffer = Buffer.allocUnsafeSlow(firstBufferSize);
  #used = 0;
  #full: Buffer[] = [];
  #spare: Buffer[] = [];
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
      this.#makeRoom(piece.length - copied);
      const part = piece.subarray(copied, copied + this.#chunk.length - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      copied += part.length;
      if (this.#used === chunkSize) await this.#finishChunk();
    }
  }

  /** Writes the remaining bytes and returns the file's length in bytes once all of them are stored. */
  async end(): Promise<number> {
    if (this.#used > 0) this.#full.push(this.#chunk.subarray(0, this.#used));
    this.#used = 0;
    if (this.#full.length > 0) await this.#send();
    await this.#pendingInsert;
    return this.#sentBytes;
  }

  /** Resolves when no insert is running any more, whether the last one failed or not. */
  async settle(): Promise<void> {
    await this.#pendingInsert.catch(() => undefined);
  }

  /** Makes the buffer of the current chunk larger, if it is full: to twice its size or what is needed, at most a chunk. */
  #makeRoom(bytes: number): void {
    const { length } = this.#chunk;
    if (this.#used < length) return;
    const larger =
      this.#spare.pop() ??
      Buffer.allocUnsafeSlow(Math.min(chunkSize, Math.max(2 * length, this.#used + bytes)));
    larger.set(this.#chunk.subarray(0, this.#used));
    this.#chunk = larger;
  }

  /** Begins the next chunk, and sends the full ones if they make a batch. */
  async #finishChunk(): Promise<void> {
    this.#full.push(this.#chunk);
    this.#used = 0;
    if (this.#full.length === batchChunks) await this.#send();
    this.#chunk = this.#spare.pop() ?? Buffer.allocUnsafeSlow(chunkSize);
  }

  async #send(): Promise<void> {
    await this.#pendingInsert;
    const batch = this.#full;
    this.#full = [];
    this.#pendingInsert = this.#insert(batch).then(() => {
      this.#spare = batch;
    });
    // The next write throws its error.
    this.#pendingInsert.catch(() => undefined);
  }

  async #insert(batch: readonly Buffer[]): Promise<void> {
    this.#sentBytes += batch.reduce((sum, { length }) => sum + length, 0);
    await this.chunks.insertMany(
      batch.map((data) => ({
        files_id: this.file._id,
        n: this.#sentChunks++,
        data,
        uploadDate: this.#uploadDate,
      })),
    );
  }
}
