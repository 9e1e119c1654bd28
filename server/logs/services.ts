import type { LogCollections, LogRecord } from './collections.js';
import type { HeldTails } from './held-tails.js';

/** What logs add to the dependencies of functions. */
export interface LogServices {
  collections: LogCollections;
  heldTails: HeldTails;
  /** Stores a piece, together with others of the same moment. @param bytes about its size */
  insertLogPiece(piece: LogRecord, bytes?: number): Promise<void>;
}
