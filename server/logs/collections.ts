import type { Binary, Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';

/** One piece of a job's log; numbers run over the whole job, per log. */
export interface LogRecord {
  job_id: string;
  /** `output` or `serial`. */
  log_type: string;
  phase: string;
  fragment_number: number;
  /** The attempt that the piece belongs to; absent for the first one, 0 for a line that the server wrote. */
  attempt?: number;
  /** When the agent made it, by its clock. */
  timestamp: Date;
  log_data: string;
  /** What each U+FFFD of `log_data` was, two bytes each, where some were halves of surrogate pairs. */
  replaced?: Binary;
  /** Sealed: what was appended to the piece when its phase ended, which a further piece may continue. */
  released?: Binary;
  /** Sealed: the end of the piece that may begin a secret; left out of the text until the next piece arrives. */
  held?: Binary;
  /** Marks a piece that is stored once; absent from those of Testflinger servers. */
  live?: true;
  updated_at: Date;
}

/** The collection of logs. */
export interface LogCollections {
  logs: Collection<LogRecord>;
}

/** Its name in the database. */
export const logCollections = { logs: 'logs' } satisfies Record<keyof LogCollections, string>;

/** The indexes of logs. */
export const logIndexes: readonly IndexRow<keyof LogCollections>[] = [
  {
    collection: 'logs',
    name: 'qp_fragments',
    keys: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1 },
    serves: 'a log by phase, in order; the last number of each phase; clearing the output of a job',
  },
  {
    collection: 'logs',
    name: 'qp_live_piece',
    keys: { job_id: 1, log_type: 1, fragment_number: 1, attempt: 1 },
    options: { unique: true, partialFilterExpression: { live: true } },
    serves:
      'a piece that is sent twice in one attempt is stored once; older databases may hold duplicates without the mark',
  },
  {
    collection: 'logs',
    name: 'qp_held',
    keys: { job_id: 1 },
    options: { partialFilterExpression: { held: { $exists: true } } },
    serves: 'pieces of a job whose end is held back, since it may begin a secret',
  },
  {
    collection: 'logs',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'logs are removed after 7 days',
  },
];
