import type { QueueCollections, RestrictedQueue } from './collections.js';

/** What queues add to the dependencies of functions. */
export interface QueueServices {
  collections: QueueCollections;
  /** The restriction of a queue, read together with others of the same moment. */
  findRestriction(queue: string): Promise<RestrictedQueue | undefined>;
}
