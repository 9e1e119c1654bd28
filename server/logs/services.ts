import type { LogCollections, LogRecord } from './collections.js';
import type { HeldTails } from './held-tails.js';

/** The services that the logs area adds to the dependencies of functions. */
export interface LogServices {
  collections: LogCollections;
  heldTails: HeldTails;
  /** Stores a fragment, in one batch with others that arrive at the same moment. @param bytes its approximate size */
  insertLogFragment(fragment: LogRecord, bytes?: number): Promise<void>;
}
