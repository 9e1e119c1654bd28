import { removeFiles } from '../db/files.js';
import type { Deps } from '../deps.js';
import { artifactName, attachmentsName } from './job-files.js';

/**
 * Removes the logs, attachments and artifact, and the kept secrets, of a job's earlier run. Two resubmissions may do it at once, so nothing
 * is expected to be there.
 */
export async function clearJobOutput(deps: Deps, jobId: string): Promise<void> {
  await deps.collections.logs.deleteMany({ job_id: jobId });
  await deps.collections.jobMasks.deleteMany({ job_id: jobId });
  await removeFiles(deps, [attachmentsName(jobId), artifactName(jobId)]);
}
