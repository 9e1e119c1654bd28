import type { FileServices } from './services.js';
import type { Core } from '../core/core.js';
import { ObjectId } from 'mongodb';
import { ChunkWriter, chunkSize } from './chunk-writer.js';
import type { StoredFile } from './collections.js';
import { findFile, removeFilesById } from './files.js';

/**
 * Stores a stream as a GridFS file (the standard layout, which pymongo's gridfs reads), with bounded memory however
 * long it is. The document that names the file is written last, so that nobody finds half of one. It stands beside
 * earlier files of the name, as the newest: `keepOneFile` removes those.
 * @param attempt at the job, for a file that counts only once the job names it
 * @throws what the stream or the database throws; its own chunks are removed at once
 */
export async function uploadFile(
  deps: Core & Pick<FileServices, 'collections'>,
  filename: string,
  source: AsyncIterable<Uint8Array>,
  attempt?: number,
): Promise<StoredFile> {
  const { collections } = deps;
  const file = {
    _id: new ObjectId(),
    filename,
    length: 0,
    chunkSize,
    uploadDate: await findUploadDate(deps, filename),
    ...(attempt !== undefined && { attempt }),
  };
  const writer = new ChunkWriter(collections.fileChunks, file);
  try {
    for await (const piece of source) await writer.write(piece);
    file.length = await writer.end();
    await collections.files.insertOne(file);
    return file;
  } catch (error) {
    // Nobody waits for it: the chunks of a large file take seconds.
    void discard(deps, writer, file._id);
    throw error;
  }
}

/** Later than that of every file of the name, so that what is sent after another's answer replaces it, whatever the clocks say. */
async function findUploadDate(
  deps: Core & Pick<FileServices, 'collections'>,
  filename: string,
): Promise<Date> {
  const earlier = await findFile(deps, filename);
  const now = deps.clock.now().getTime();
  return new Date(earlier ? Math.max(now, earlier.uploadDate.getTime() + 1) : now);
}

/** The document too: an insert whose answer was lost may have been done. */
async function discard(
  deps: Core & Pick<FileServices, 'collections'>,
  writer: ChunkWriter,
  id: ObjectId,
): Promise<void> {
  try {
    await writer.settle();
    await removeFilesById(deps, [id]);
  } catch (error) {
    deps.log.warn({ err: error }, 'chunks of a failed upload are left to their expiry');
  }
}
