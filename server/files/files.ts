import type { ObjectId } from 'mongodb';
import type { Core } from '../core/core.js';
import type { FileServices } from './services.js';
import type { StoredFile } from './collections.js';

type FileDeps = Pick<Core, 'log'> & Pick<FileServices, 'collections'>;

/** The file that stands under a name: the newest, as pymongo's `get_last_version` takes it; `undefined` for none. */
export async function findFile(
  { collections }: Pick<FileServices, 'collections'>,
  filename: string,
): Promise<StoredFile | undefined> {
  return (await collections.files.findOne({ filename }, { sort: { uploadDate: -1, _id: -1 } })) ?? undefined;
}

/** Removes files, first what names them and then their chunks, so that none is found in halves. */
export async function removeFilesById(
  { collections }: Pick<FileServices, 'collections'>,
  ids: readonly ObjectId[],
): Promise<void> {
  if (ids.length === 0) return;
  await collections.files.deleteMany({ _id: { $in: [...ids] } });
  await collections.fileChunks.deleteMany({ files_id: { $in: [...ids] } });
}

/**
 * Removes the files of a name but one: the given one, else the newest. Uploads that end at the same moment may all do
 * it, since none ever removes the one that stays. Chunks leave in the background: those of a large file take seconds.
 */
export async function keepOneFile(
  { collections, log }: FileDeps,
  filename: string,
  keep?: ObjectId,
): Promise<void> {
  const found = await collections.files
    .find({ filename }, { projection: { _id: 1 }, sort: { uploadDate: -1, _id: -1 } })
    .toArray();
  const kept = keep ?? found[0]?._id;
  const ids = found.map(({ _id }) => _id).filter((id) => !kept?.equals(id));
  if (ids.length === 0) return;
  await collections.files.deleteMany({ _id: { $in: ids } });
  collections.fileChunks
    .deleteMany({ files_id: { $in: ids } })
    .catch((error: unknown) =>
      log.warn({ err: error }, 'chunks of a replaced file are left to their expiry'),
    );
}
