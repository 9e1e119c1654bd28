import type { LogCollections, LogRecord } from './collections.js';
import type { HeldTails } from './held-tails.js';
import type { Fragment } from './log-fragment.js';

/** The services that the logs area adds to the dependencies of functions. */
export interface LogServices {
  collections: LogCollections;
  heldTails: HeldTails;
  /**
   * Reads the whole log of a job, with the logs of other jobs of the same moment; `undefined` for a log that is not small,
   * which must be read by itself.
   */
  findSmallLog(jobId: string): Promise<readonly Fragment[] | undefined>;
  /** Stores a fragment, in one batch with others that arrive at the same moment. @param bytes its approximate size */
  insertLogFragment(fragment: LogRecord, bytes?: number): Promise<void>;
}
