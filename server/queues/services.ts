import type { QueueCollections, RestrictedQueue } from './collections.js';

/** The dependencies that the queues area provides to functions. */
export interface QueueServices {
  collections: QueueCollections;
  /** Finds the restriction of a queue. Concurrent calls share one database read. */
  findRestriction(queue: string): Promise<RestrictedQueue | undefined>;
}
