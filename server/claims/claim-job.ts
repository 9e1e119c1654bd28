import type { Deps } from '../deps.js';
import type { WaitingJob } from './choose-jobs.js';
import type { Claimer } from './claim-one.js';

/**
 * Takes the first claimable job, or `undefined` when there is none, together with the other claims of this moment. Each
 * job is taken by one write, guarded by its state, so that one job goes to one agent however many ask at once.
 */
export async function claimJob(deps: Deps, claimer: Claimer): Promise<WaitingJob | undefined> {
  const { waitTimes, agentWatch, metrics } = deps;
  const job = await deps.claims.add(claimer);
  if (job === undefined) return undefined;
  agentWatch.holds(claimer.agent);
  metrics.claims.inc({ queue: metrics.claimQueues.valueOf(job.job_data.job_queue) });
  // A further attempt waited for a reason of its own.
  if (job.started_at && !job.lease?.losses) {
    const waitedMs = job.started_at.getTime() - job.created_at.getTime();
    waitTimes.add(job.job_data.job_queue, Math.max(0, waitedMs / 1000));
  }
  return job;
}
