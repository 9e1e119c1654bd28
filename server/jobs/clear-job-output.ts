import type { ObjectId } from 'mongodb';
import { removeFilesById } from '../files/files.js';
import type { FileServices } from '../files/services.js';
import { artifactName, attachmentsName } from '../job/job-files.js';
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
