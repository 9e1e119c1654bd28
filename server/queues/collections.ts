import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow, nameIndexes } from '../core/index-row.js';

/** A queue that agents advertise. */
export interface QueueRecord {
  name: string;
  description?: string;
  /** Provision data by image name. Never part of a query filter, because clients choose both. */
  images?: Record<string, unknown>;
  /** Marks the one current record of its name. Records that Testflinger servers wrote do not have it. */
  live?: true;
  updated_at?: Date;
}

/** A queue that accepts jobs only from clients whose `allowed_queues` contains it. */
export interface RestrictedQueue {
  queue_name: string;
}

/** The collections of queues. */
export interface QueueCollections {
  queues: Collection<QueueRecord>;
  restrictedQueues: Collection<RestrictedQueue>;
}

/** Their names in the database. */
export const queueCollections = {
  queues: 'queues',
  restrictedQueues: 'restricted_queues',
} satisfies Record<keyof QueueCollections, string>;

/** The indexes of queues, and the one by which the jobs of a queue are listed. */
export const queueIndexes: readonly IndexRow<keyof QueueCollections | 'jobs'>[] = [
  {
    collection: 'restrictedQueues',
    name: 'qp_queue_name',
    keys: { queue_name: 1 },
    serves: 'each submit; the restricted queues of an agent',
  },
  ...nameIndexes('queues' as const, 'the images of a queue; the advertised queues'),
  {
    collection: 'queues',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'queues are removed 7 days after they were last advertised',
  },
  {
    collection: 'jobs',
    name: 'qp_queue_jobs',
    keys: { 'job_data.job_queue': 1, _id: 1 },
    serves: 'the jobs of a queue, in all states, in the order of their first submission',
    replaces: ['qp_queue'],
  },
];
