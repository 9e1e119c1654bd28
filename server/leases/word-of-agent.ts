import type { AgentRequest } from './agent-binding.js';
import type { Deps } from '../deps.js';
import { readJobId } from '../job/job-id.js';
import { findHeldJob, readAgent } from './held-job.js';
import { isRenewalDue, renewLease } from './renew-lease.js';

/**
 * An agent that reads or tells its own data lives, and works on the job that it named there last: its lease is prolonged,
 * looked at twice a minute at most. Not a lease that was cut: the job may be one that the agent knows nothing of since it
 * was started again. For the same reason a lost job is not given back by this.
 * @param told the job of the agent's data; "" for none
 */
export async function noteWordOfAgent(
  deps: Deps,
  request: AgentRequest,
  name: string,
  told: string | undefined,
): Promise<void> {
  if (readAgent(request) !== name) return;
  deps.agentWatch.saw(name);
  const jobId = told ? readJobId(told) : undefined;
  if (jobId === undefined || deps.config.agentLeases === 'off' || !deps.agentWatch.isFirstWord(name)) return;
  const job = await findHeldJob(deps, jobId);
  if (job?.lease?.holder !== name || job.lease.cut === true) return;
  if (isRenewalDue(deps, job)) await renewLease(deps, job, name);
}
