import type { Caller } from '../principal/principal.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { findJob } from '../job/find-job.js';

/**
 * With `JOB_OWNERSHIP=enforce`, only who submitted a job, a manager or an admin may change it; a job without an owner is
 * anyone's. By default the owner is recorded and nobody is refused, as stock clients expect.
 * @throws ApiError 403
 */
export async function checkJobOwner(deps: Deps, caller: Caller, jobId: string): Promise<void> {
  if (deps.config.jobOwnership === 'record' || caller.role === 'admin' || caller.role === 'manager') return;
  const owner = (await findJob(deps, jobId))?.submitted_by;
  if (owner !== undefined && owner !== caller.clientId) throw new ApiError('job_not_owned');
}
