import type { LeaseServices } from './services.js';
import type { JobServices } from '../job/services.js';
import type { Core } from '../core/core.js';
import type { Principal } from '../principal/principal.js';
import { readJobId } from '../job/job-id.js';
import { isRenewalDue, renewLease } from './renew-lease.js';

/**
 * An agent that reads or tells its own data lives, and works on the job that it named there last: its lease is prolonged,
 * looked at twice a minute at most. Not a lease that was cut: the job may be one that the agent knows nothing of since it
 * was started again. For the same reason a lost job is not given back by this.
 * @param told the job of the agent's data; "" for none
 */
export async function noteAgentReport(
  deps: Core &
    Pick<JobServices, 'collections' | 'findHeldJob'> &
    Pick<LeaseServices, 'agentWatch' | 'config'>,
  caller: Principal,
  name: string,
  told: string | undefined,
): Promise<void> {
  if (caller.agentName !== name) return;
  deps.agentWatch.saw(name);
  const jobId = told ? readJobId(told) : undefined;
  if (jobId === undefined || deps.config.agentLeases === 'off' || !deps.agentWatch.isFirstWord(name)) return;
  const job = await deps.findHeldJob(jobId);
  if (job?.lease?.holder !== name || job.lease.cut === true) return;
  if (isRenewalDue(deps, job)) await renewLease(deps, job, name);
}
