import type { QueueCollections, RestrictedQueue } from './collections.js';
import type { RestrictionMemory } from './restriction-memory.js';

/** The dependencies that the queues area provides to functions. */
export interface QueueServices {
  collections: QueueCollections;
  /** Finds the restriction of a queue. Concurrent calls share one database read. */
  findRestriction(queue: string): Promise<RestrictedQueue | undefined>;
  /** The names of the restricted queues, for requests that need not read the database. */
  restrictionMemory: RestrictionMemory;
}
