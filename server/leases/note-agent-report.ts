import type { Core } from '../core/core.js';
import { readJobId } from '../job/job-id.js';
import type { JobServices } from '../job/services.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { logMisuse } from './agent-binding.js';
import { leaseErrors } from './errors.js';
import { findHeldJob } from './find-held-job.js';
import { isRenewalDue, renewLease } from './renew-lease.js';
import type { LeaseServices } from './services.js';

/**
 * Treats a request of an agent about its own data as a sign of life, and renews the lease of the job that the data name,
 * looking at it twice a minute at most. With `AGENT_BINDING=enforce` it is one only from the client that claimed the job. A
 * lease that was cut is not renewed, and a lost job is not returned: the agent may have been restarted and know nothing of
 * the job.
 * @param namedJob the job of the agent's data; "" for none
 */
export async function noteAgentReport(
  deps: Core &
    Pick<JobServices, 'collections' | 'findHeldJobs'> &
    Pick<LeaseServices, 'agentWatch' | 'config'>,
  caller: Principal,
  name: string,
  namedJob: string | undefined,
): Promise<void> {
  if (caller.agentName !== name) return;
  deps.agentWatch.saw(name);
  const jobId = namedJob ? readJobId(namedJob) : undefined;
  if (jobId === undefined || deps.config.agentLeases === 'off' || !deps.agentWatch.isFirstReport(name))
    return;
  const job = await findHeldJob(deps, jobId, name);
  if (job?.lease?.holder !== name || job.lease.cut === true) return;
  const isOther = !may(caller, 'actAsHolder', job.lease);
  if (isOther && (await logMisuse(deps, caller, job.job_id, leaseErrors.notHeld))) return;
  if (isRenewalDue(deps, job)) await renewLease(deps, job, name);
}
