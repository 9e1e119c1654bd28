import type { ObjectId } from 'mongodb';
import { removeFilesById } from '../files/files.js';
import type { FileServices } from '../files/services.js';
import { artifactName, attachmentsName } from '../job/job-files.js';
import type { JobRecord } from '../job/job-record.js';
import { unknownJobAttempt } from '../logs/log-fragment.js';
import type { LogServices } from '../logs/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';

/**
 * Removes the logs, attachments and artifact of a job's earlier run. Two resubmissions may do this at the same time, so
 * any of them may already be removed.
 * @param earlier `attempt` is the first attempt of the new run; `files` are the files of the earlier run
 */
export async function clearJobOutput(
  deps: Pick<FileServices, 'collections'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LogServices, 'collections'>,
  jobId: string,
  earlier: { attempt: number; files: readonly ObjectId[] },
): Promise<void> {
  await deps.collections.logs.deleteMany({ job_id: jobId, attempt: { $not: { $gte: earlier.attempt } } });
  await removeFilesById(deps, earlier.files);
  // The masks are kept for a while, since the last holder may still send data.
  await deps.jobMasks.expireSoon(jobId, earlier.attempt);
}

/** Returns the ids of a job's attachments and artifact. */
export async function findJobFiles(
  { collections }: Pick<FileServices, 'collections'>,
  jobId: string,
): Promise<ObjectId[]> {
  const names = [attachmentsName(jobId), artifactName(jobId)];
  const found = await collections.files
    .find({ filename: { $in: names } }, { projection: { _id: 1 } })
    .toArray();
  return found.map(({ _id }) => _id);
}

/**
 * Removes what is stored under the id of a new job: the output of an expired job that had the id, and what agents sent for
 * the id while no job had it. Anyone can choose an id, so none of it may appear as the new job's output.
 */
export async function clearUnknownJobOutput(
  deps: Pick<FileServices, 'collections'> & Pick<LogServices, 'collections'>,
  { job_id: jobId, created_at: createdAt }: Pick<JobRecord, 'job_id' | 'created_at'>,
): Promise<void> {
  const { logs, files } = deps.collections;
  const artifact = artifactName(jobId);
  const [found] = await Promise.all([
    files
      .find(
        {
          filename: { $in: [attachmentsName(jobId), artifact] },
          $or: [{ uploadDate: { $lt: createdAt } }, { filename: artifact, attempt: { $exists: false } }],
        },
        { projection: { _id: 1 } },
      )
      .toArray(),
    logs.deleteMany({
      job_id: jobId,
      $or: [{ attempt: unknownJobAttempt }, { updated_at: { $lt: createdAt } }],
    }),
  ]);
  await removeFilesById(
    deps,
    found.map(({ _id }) => _id),
  );
}
