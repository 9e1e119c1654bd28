import { byId } from '../db/index-hint.js';
import { ApiError } from '../errors/api-error.js';
import { findJob } from '../job/find-job.js';
import { filterAllowing, stateAfter } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { namesSecrets } from '../scrubbing/job-masks.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { jobsErrors } from './errors.js';

/** Cancels a job. @throws ApiError 400 if the job has ended or does not exist */
export async function cancelJob(
  { collections, jobMasks }: Pick<JobServices, 'collections'> & Pick<ScrubbingServices, 'jobMasks'>,
  jobId: string,
): Promise<void> {
  const found = await findJob({ collections }, jobId, { job_id: 1 });
  const job =
    found &&
    (await collections.jobs.findOneAndUpdate(
      { _id: found._id, ...filterAllowing('cancel') },
      { $set: { 'result_data.job_state': stateAfter('cancel') } },
      { projection: { lease: 1, 'job_data.test_data.secrets': 1 }, ...byId },
    ));
  if (!found || !job) throw new ApiError(jobsErrors.alreadyEnded);
  // The job was lost and waited again: no agent is left whose final result would end the masks.
  if (job.lease && job.lease.holder === undefined && namesSecrets(job))
    await jobMasks.expireSoon(found.job_id);
}
