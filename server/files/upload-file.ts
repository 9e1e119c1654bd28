import { ObjectId } from 'mongodb';
import type { Core } from '../core/core.js';
import { ChunkWriter, chunkSize } from './chunk-writer.js';
import type { StoredFile } from './collections.js';
import { findFile, removeFilesById } from './files.js';
import type { FileServices } from './services.js';

/**
 * Stores a stream as a GridFS file, in the standard layout, which pymongo's gridfs reads. Memory is bounded for streams
 * of any length. The document that names the file is written last, so that no one finds an incomplete file. Earlier
 * files of the same name stay; `keepOneFile` removes them.
 * @param attempt the attempt at the job, for a file that is visible only once the job names its attempt
 * @throws what the stream or the database throws; the chunks that were written are then removed in the background
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
    // Not awaited: removing the chunks of a large file takes seconds.
    void discard(deps, writer, file._id);
    throw error;
  }
}

/**
 * Returns a date later than that of every file with the name, so that an upload that starts after another one's response
 * replaces it, even if the clocks of the processes differ.
 */
async function findUploadDate(
  deps: Core & Pick<FileServices, 'collections'>,
  filename: string,
): Promise<Date> {
  const earlier = await findFile(deps, filename);
  const now = deps.clock.now().getTime();
  return new Date(earlier ? Math.max(now, earlier.uploadDate.getTime() + 1) : now);
}

/** Removes the chunks and the document: an insert whose response was lost may have succeeded. */
async function discard(
  deps: Core & Pick<FileServices, 'collections'>,
  writer: ChunkWriter,
  id: ObjectId,
): Promise<void> {
  try {
    await writer.settle();
    await removeFilesById(deps, [id]);
  } catch (error) {
    deps.log.warn({ err: error }, 'could not remove the chunks of a failed upload: they will expire');
  }
}
