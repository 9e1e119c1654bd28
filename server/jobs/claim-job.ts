import type { Filter, Sort } from 'mongodb';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { startLease } from '../leases/renew-lease.js';
import { stateAfter } from './job-state.js';

/** The order of claims: priority, then age; `_id` settles jobs of the same millisecond. */
export const claimOrder: Sort = { job_priority: -1, created_at: 1, _id: 1 };

/** The jobs that this agent could take from these queues now. */
export function filterClaimable(queues: readonly string[], agent: string): Filter<JobRecord> {
  const names = [...new Set(queues)];
  return {
    'result_data.job_state': 'waiting',
    // One queue by equality, since `$in` of one makes MongoDB plan a merge of sorted branches.
    'job_data.job_queue': names.length === 1 ? names[0] : { $in: names },
    'job_data.attachments_status': { $ne: 'waiting' },
    'job_data.exclude_agents': { $ne: agent },
    lost_holders: { $ne: agent },
    // An older document of an id that has a newer one, from a database of before.
    superseded: { $ne: true },
  } as Filter<JobRecord>;
}

/**
 * Takes the first claimable job, or `undefined` when there is none. One write takes it, guarded by its state, so that
 * one job goes to one agent however many ask at once; state, holder, attempt, lease and start are stored together.
 */
export async function claimJob(
  deps: Deps,
  queues: readonly string[],
  agent: string,
): Promise<JobRecord | undefined> {
  const { collections, waitTimes, agentWatch, clock, metrics } = deps;
  const state = stateAfter('claim');
  const job = await collections.jobs.findOneAndUpdate(
    filterClaimable(queues, agent),
    [
      {
        $set: {
          'result_data.job_state': state,
          'lease.holder': { $literal: agent },
          'lease.attempt': { $add: [{ $ifNull: ['$lease.attempt', 0] }, 1] },
          ...startLease(deps, state),
          started_at: clock.inDatabase,
        },
      },
    ],
    { sort: claimOrder, returnDocument: 'after' },
  );
  if (job) {
    agentWatch.holds(agent);
    metrics.claims.inc({ queue: metrics.claimQueues.valueOf(job.job_data.job_queue) });
  }
  // A further attempt waited for a reason of its own.
  if (job?.started_at && !job.lease?.losses) {
    const waitedMs = job.started_at.getTime() - job.created_at.getTime();
    waitTimes.add(job.job_data.job_queue, Math.max(0, waitedMs / 1000));
  }
  return job ?? undefined;
}
