import type { LogServices } from '../logs/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { FileServices } from '../files/services.js';
import type { ObjectId } from 'mongodb';
import { removeFilesById } from '../files/files.js';
import { artifactName, attachmentsName } from '../job/job-files.js';

/**
 * Removes the logs, attachments and artifact of a job's earlier run. Two resubmissions may do it at once, so nothing is
 * expected to be there.
 * @param before what the new run began after: its attempts are those from `attempt` on, and its files are newer
 */
export async function clearJobOutput(
  deps: Pick<FileServices, 'collections'> &
    Pick<ScrubbingServices, 'jobMasks'> &
    Pick<LogServices, 'collections'>,
  jobId: string,
  before: { attempt: number; files: readonly ObjectId[] },
): Promise<void> {
  await deps.collections.logs.deleteMany({ job_id: jobId, attempt: { $not: { $gte: before.attempt } } });
  await removeFilesById(deps, before.files);
  // What the last holder still sends is masked with them for a while.
  await deps.jobMasks.expireSoon(jobId, before.attempt);
}

/** The files of a job's run. */
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
