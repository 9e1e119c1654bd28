import type { Filter, Sort } from 'mongodb';
import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';

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
    // An older document of an id that has a newer one, from a database of before.
    superseded: { $ne: true },
  } as Filter<JobRecord>;
}

/**
 * Takes the first claimable job, or `undefined` when there is none. One write takes it, guarded by its state, so that
 * one job goes to one agent however many ask at once; state, holder, attempt and start are stored together.
 */
export async function claimJob(
  { collections, waitTimes }: Deps,
  queues: readonly string[],
  agent: string,
): Promise<JobRecord | undefined> {
  const job = await collections.jobs.findOneAndUpdate(
    filterClaimable(queues, agent),
    {
      $set: { 'result_data.job_state': 'running', 'lease.holder': agent },
      $inc: { 'lease.attempt': 1 },
      $currentDate: { started_at: true },
    },
    { sort: claimOrder, returnDocument: 'after' },
  );
  if (job?.started_at) {
    const waitedMs = job.started_at.getTime() - job.created_at.getTime();
    waitTimes.add(job.job_data.job_queue, Math.max(0, waitedMs / 1000));
  }
  return job ?? undefined;
}
