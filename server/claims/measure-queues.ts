import type { Document } from 'mongodb';
import { fitsLabel, otherValue } from '../core/bounded-label.js';
import type { Core } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import type { ClaimServices } from './services.js';

/** Maximum number of queues that have series of their own. */
export const maxQueues = 200;

interface Waiting {
  /** Absent for the sum of the queues without a series of their own. */
  queue?: string;
  waiting: number;
  oldest: Date;
}

/** Reads index entries only: state, queue and age are all in `qp_waiting`. */
export const waitingByQueue: Document[] = [
  { $match: { 'result_data.job_state': 'waiting' } },
  { $group: { _id: '$job_data.job_queue', waiting: { $sum: 1 }, oldest: { $min: '$created_at' } } },
  { $sort: { waiting: -1, _id: 1 } },
  {
    $facet: {
      most: [{ $limit: maxQueues }, { $project: { _id: 0, queue: '$_id', waiting: 1, oldest: 1 } }],
      rest: [
        { $skip: maxQueues },
        { $group: { _id: null, waiting: { $sum: '$waiting' }, oldest: { $min: '$oldest' } } },
        { $project: { _id: 0 } },
      ],
    },
  },
];

/**
 * Counts the waiting jobs by queue, and how old the oldest of each is.
 * @param timeoutMS milliseconds that it may take
 */
export async function measureQueues(
  { collections, clock, metrics }: Core & Pick<JobServices, 'collections'> & Pick<ClaimServices, 'metrics'>,
  timeoutMS: number,
): Promise<void> {
  const [found] = await collections.jobs
    .aggregate<{ most: Waiting[]; rest: Waiting[] }>(waitingByQueue, { timeoutMS })
    .toArray();
  const { queueWaiting, queueOldest } = metrics;
  const now = clock.now().getTime();
  const values = new Map<string, { waiting: number; age: number }>();
  for (const { queue, waiting, oldest } of [...(found?.most ?? []), ...(found?.rest ?? [])]) {
    const label = typeof queue === 'string' && fitsLabel(queue) ? queue : otherValue;
    const before = values.get(label) ?? { waiting: 0, age: 0 };
    const age = Math.max(before.age, (now - oldest.getTime()) / 1000);
    values.set(label, { waiting: before.waiting + waiting, age });
  }
  queueWaiting.reset();
  queueOldest.reset();
  for (const [queue, { waiting, age }] of values) {
    queueWaiting.set({ queue }, waiting);
    queueOldest.set({ queue }, age);
  }
}
