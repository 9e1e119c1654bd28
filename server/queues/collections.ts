import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow, nameIndexes } from '../core/index-row.js';

/** A queue as agents advertise it. */
export interface QueueRecord {
  name: string;
  description?: string;
  /** Image names and the provision data that each stands for; neither is ever a field of a filter. */
  images?: Record<string, unknown>;
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
  updated_at?: Date;
}

/** A queue that takes jobs only from the clients whose `allowed_queues` names it. */
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

/** The indexes of queues. */
export const queueIndexes: readonly IndexRow<keyof QueueCollections>[] = [
  {
    collection: 'restrictedQueues',
    name: 'qp_queue_name',
    keys: { queue_name: 1 },
    serves: 'each submit; the restrictions that an agent reads',
  },
  ...nameIndexes('queues' as const, 'the images of a queue; what agents advertise'),
  {
    collection: 'queues',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'queues are removed 7 days after they were last advertised',
  },
];
