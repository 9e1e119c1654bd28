import type { DepsOf } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { StoredFile } from '../files/collections.js';
import { findFile, keepOneFile, removeFilesById } from '../files/files.js';
import type { FileServices } from '../files/services.js';
import { uploadFile } from '../files/upload-file.js';
import type { UploadBody } from '../http/upload.js';
import { findJob, idOnly } from '../job/find-job.js';
import { artifactName } from '../job/job-files.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { fenceLease } from '../leases/fencing.js';
import { type Hold, holdJob } from '../leases/hold-job.js';
import type { Principal } from '../principal/principal.js';
import { keepLateArtifact } from './keep-late-artifact.js';

const fileFields = { artifact_file: 1 };

/**
 * Stores the artifact of a job. An earlier artifact can be downloaded until the new one is complete. As in Testflinger,
 * the job may be unknown: the job of a long reservation may expire before its agent is done. A job that gets the id later
 * does not have that artifact. An artifact from the job's holder counts once the job names it. That write checks the
 * attempt, because an upload can outlast a lease. The job is looked up before the body is read.
 * @returns false if the sender lost the job or never held it: a small artifact is then stored with a lost attempt
 */
export async function storeArtifact(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'findJobs'> & DepsOf<typeof holdJob>,
  caller: Principal,
  jobId: string,
  body: UploadBody,
): Promise<boolean> {
  const before = await holdJob(deps, caller, jobId, { writes: true });
  if (before.isLost) {
    await keepLateArtifact(deps, before, body);
    return false;
  }
  const name = artifactName(before.job?.job_id ?? jobId);
  const attempt = isHeld(before) ? before.job?.lease?.attempt : undefined;
  const { file } = await body.open();
  const stored = await uploadFile(deps, name, file, attempt);
  if (attempt === undefined) {
    await keepOneFile(deps, name);
    // A job that was submitted under an unknown id during the upload does not have the artifact.
    if (before.job === undefined && (await findJob(deps, jobId, idOnly)) !== undefined)
      await removeFilesById(deps, [stored._id]);
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

/** Finds the artifact of a job: the file that the job names, or else the newest file with the artifact's name. */
export async function findArtifact(
  deps: Pick<FileServices, 'collections'> & Pick<JobServices, 'findJobs'>,
  jobId: string,
): Promise<StoredFile | undefined> {
  const { files } = deps.collections;
  const job = await findJob<Pick<JobRecord, 'job_id' | 'artifact_file'>>(deps, jobId, fileFields);
  const named = job?.artifact_file && (await files.findOne({ _id: job.artifact_file }));
  if (named) return named;
  const newest = await findFile(deps, artifactName(job?.job_id ?? jobId));
  // A file of an attempt that the job does not name does not belong to the job, or not yet.
  return job !== undefined && newest?.attempt !== undefined ? undefined : newest;
}

function isHeld({ job, agent }: Hold): boolean {
  return agent !== undefined && job?.lease?.holder === agent;
}

/**
 * Sets the artifact of a job, and removes the file that it replaces. Of several uploads at once, the last one stays.
 * @returns false if the job has another lease by now
 */
async function nameArtifact(
  { collections }: Pick<FileServices, 'collections'> & Pick<JobServices, 'collections'>,
  { job }: Hold,
  { _id, filename }: StoredFile,
): Promise<boolean> {
  const before = await collections.jobs.findOneAndUpdate(
    { _id: job?._id, ...fenceLease(job?.lease) } as object,
    { $set: { artifact_file: _id } },
    { projection: { artifact_file: 1 }, ...byId },
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
