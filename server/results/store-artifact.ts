import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import { fenceLease } from '../leases/fencing.js';
import type { FileServices } from '../files/services.js';
import type { DepsOf } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import type { StoredFile } from '../files/collections.js';
import { findFile, keepOneFile, removeFilesById } from '../files/files.js';
import { uploadFile } from '../files/upload-file.js';
import type { Upload } from '../http/upload.js';
import { type Hold, holdJob } from '../leases/held-job.js';
import { artifactName } from '../job/job-files.js';
import { keepLateArtifact } from './keep-late-artifact.js';

/**
 * Stores the artifact of a job in place of an earlier one, which can be fetched until then. For a job that is not
 * known too, as Testflinger does: that of a long reservation may have expired before its agent is done. A holder's
 * counts once the job names it, by a write that the attempt guards, since an upload can outlast a lease.
 * @returns false when the job is no longer its sender's: what is small is kept with the lost attempt
 */
export async function storeArtifact(
  deps: Pick<FileServices, 'collections'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
  { file }: Upload,
): Promise<boolean> {
  const before = await holdJob(deps, caller, jobId, { writes: true });
  if (before.isLost) {
    await keepLateArtifact(deps, before, file);
    return false;
  }
  const name = artifactName(jobId);
  const attempt = isHeld(before) ? before.job?.lease?.attempt : undefined;
  const stored = await uploadFile(deps, name, file, attempt);
  if (attempt === undefined) {
    await keepOneFile(deps, name);
    return true;
  }
  for (;;) {
    const hold = await holdJob(deps, caller, jobId, { writes: true });
    if (hold.isLost || hold.job?.lease?.attempt !== attempt) {
      await removeFilesById(deps, [stored._id]);
      return false;
    }
    if (await nameArtifact(deps, hold, stored)) return true;
  }
}

/** The stored artifact of a job, or `undefined`: the one that the job names, else the newest of its name. */
export async function findArtifact(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  jobId: string,
): Promise<StoredFile | undefined> {
  const { files } = deps.collections;
  const job = await findJob<Pick<JobRecord, 'artifact_file'>>(deps, jobId, { artifact_file: 1 });
  const named = job?.artifact_file && (await files.findOne({ _id: job.artifact_file }));
  if (named) return named;
  const newest = await findFile(deps, artifactName(jobId));
  // That of an attempt which the job does not name is not, or not yet, the job's.
  return job !== undefined && newest?.attempt !== undefined ? undefined : newest;
}

function isHeld({ job, agent }: Hold): boolean {
  return agent !== undefined && job?.lease?.holder === agent;
}

/**
 * Each upload removes the one that it replaces, so that of several at once the last that is named stays; false when the
 * job is another's by now.
 */
async function nameArtifact(
  { collections }: Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  { job }: Hold,
  { _id, filename }: StoredFile,
): Promise<boolean> {
  const before = await collections.jobs.findOneAndUpdate(
    { _id: job?._id, ...fenceLease(job?.lease) } as object,
    { $set: { artifact_file: _id } },
    { projection: { artifact_file: 1 } },
  );
  if (before === null) return false;
  const unnamed = await collections.files
    .find({ filename, attempt: { $exists: false } }, { projection: { _id: 1 } })
    .toArray();
  const replaced = [
    ...(before.artifact_file ? [before.artifact_file] : []),
    ...unnamed.map((file) => file._id),
  ];
  await removeFilesById({ collections }, replaced);
  return true;
}
