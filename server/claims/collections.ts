import type { Collection, ObjectId } from 'mongodb';
import { type IndexRow, nameIndexes } from '../core/index-row.js';

/** How long jobs of a queue waited for an agent. */
export interface QueueWaitTimes {
  name: string;
  /** Seconds, the newest last. */
  wait_times: number[];
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
}

/** The collections of claims. */
export interface ClaimCollections {
  queueWaitTimes: Collection<QueueWaitTimes>;
  /** One document: what each process is about to take, while several claim from the same queues. */
  claimsUnderWay: Collection<{ _id: string; choices: { process: string; jobs: ObjectId[]; until: Date }[] }>;
}

/** Their names in the database. */
export const claimCollections = {
  queueWaitTimes: 'queue_wait_times',
  claimsUnderWay: 'claims_under_way',
} satisfies Record<keyof ClaimCollections, string>;

/** The indexes of wait times, and the one in whose order jobs are claimed. */
export const claimIndexes: readonly IndexRow<keyof ClaimCollections | 'jobs'>[] = [
  {
    collection: 'jobs',
    name: 'qp_claim',
    keys: {
      'result_data.job_state': 1,
      'job_data.job_queue': 1,
      job_priority: -1,
      created_at: 1,
      _id: 1,
    },
    serves:
      'claims: the first waiting job of each queue; position: the waiting jobs before a job; search by state; metrics: waiting jobs by queue',
  },
  ...nameIndexes('queueWaitTimes' as const, 'the wait times of a queue'),
];
