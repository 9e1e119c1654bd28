import { ApiError } from '../errors/api-error.js';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { jobsErrors } from './errors.js';
import type { JobsServices } from './services.js';

/**
 * Checks that the caller may change a job. With `JOB_OWNERSHIP=enforce`, only its submitter, a manager or an admin may;
 * anyone may change a job without a submitter. By default (`record`), the server only stores the submitter and refuses
 * nobody, as stock clients expect.
 * @throws ApiError 403 if the caller may not
 */
export async function checkJobOwner(
  deps: Pick<JobServices, 'collections'> & Pick<JobsServices, 'config'>,
  caller: Principal,
  jobId: string,
): Promise<void> {
  if (deps.config.jobOwnership === 'record') return;
  const owner = (await findJob<Pick<JobRecord, 'submitted_by'>>(deps, jobId, { submitted_by: 1 }))
    ?.submitted_by;
  if (!may(caller, 'changeJob', { submitted_by: owner })) throw new ApiError(jobsErrors.notOwned);
}
