import type { ObjectId } from 'mongodb';
import type { Core } from '../core/core.js';
import type { StoredFile } from './collections.js';
import type { FileServices } from './services.js';

type FileDeps = Pick<Core, 'log'> & Pick<FileServices, 'collections'>;

/** Finds the newest file with a name, as pymongo's `get_last_version` does; `undefined` if there is none. */
export async function findFile(
  { collections }: Pick<FileServices, 'collections'>,
  filename: string,
): Promise<StoredFile | undefined> {
  return (await collections.files.findOne({ filename }, { sort: { uploadDate: -1, _id: -1 } })) ?? undefined;
}

/** Removes files: first their documents, then their chunks, so that no incomplete file can be found. */
export async function removeFilesById(
  { collections }: Pick<FileServices, 'collections'>,
  ids: readonly ObjectId[],
): Promise<void> {
  if (ids.length === 0) return;
  await collections.files.deleteMany({ _id: { $in: [...ids] } });
  await collections.fileChunks.deleteMany({ files_id: { $in: [...ids] } });
}

/** Removes files as `removeFilesById`, their chunks in the background, because those of a large file take seconds. */
export async function removeFilesSoon(
  { collections, log }: FileDeps,
  ids: readonly ObjectId[],
): Promise<void> {
  if (ids.length === 0) return;
  await collections.files.deleteMany({ _id: { $in: [...ids] } });
  collections.fileChunks
    .deleteMany({ files_id: { $in: [...ids] } })
    .catch((error: unknown) =>
      log.warn({ err: error }, 'could not remove the chunks of a removed file: they will expire'),
    );
}

/**
 * Removes all files with a name except one: `keep`, or by default the newest. Uploads that end at the same moment may all
 * call this: none of them removes the newest file.
 */
export async function keepOneFile(deps: FileDeps, filename: string, keep?: ObjectId): Promise<void> {
  const found = await deps.collections.files
    .find({ filename }, { projection: { _id: 1 }, sort: { uploadDate: -1, _id: -1 } })
    .toArray();
  const kept = keep ?? found[0]?._id;
  const ids = found.map(({ _id }) => _id).filter((id) => !kept?.equals(id));
  await removeFilesSoon(deps, ids);
}
