import type { Document } from 'mongodb';
import type { ClaimServices } from '../claims/services.js';
import type { Hint } from '../db/index-hint.js';
import type { JobServices } from '../job/services.js';
import type { JobsServices } from '../jobs/services.js';
import { inProgress } from '../jobs/state-filter.js';

/** What the count needs. */
export type CountDeps = Pick<JobServices, 'collections'> &
  Pick<ClaimServices, 'claimHints'> &
  Pick<JobsServices, 'jobsHints'>;

interface Count {
  _id: string;
  jobs: number;
}

/**
 * Counts the jobs of some queues that have not ended: those that wait, from index entries alone, and those that an agent works
 * on, which are as few as the agents.
 */
export async function countUnfinished(
  { collections: { jobs }, claimHints, jobsHints }: CountDeps,
  queues: readonly string[],
): Promise<Map<string, number>> {
  if (queues.length === 0) return new Map();
  const count = (state: Document, { hint }: Hint) =>
    jobs
      .aggregate<Count>(
        [
          { $match: { ...state, 'job_data.job_queue': { $in: [...queues] } } },
          { $group: { _id: '$job_data.job_queue', jobs: { $sum: 1 } } },
        ],
        hint && { hint },
      )
      .toArray();
  const counts = await Promise.all([
    claimHints.waiting.use((hint) => count({ 'result_data.job_state': 'waiting' }, hint)),
    jobsHints.inProgress.use((hint) => count(inProgress, hint)),
  ]);
  const sums = new Map<string, number>();
  for (const { _id: queue, jobs: number } of counts.flat()) sums.set(queue, (sums.get(queue) ?? 0) + number);
  return sums;
}
