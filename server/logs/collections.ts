import type { Binary, Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';

/**
 * One fragment of a job's log, known by its job, log, phase, number and attempt. Stock agents number the fragments of
 * each log over the whole job; an agent can also begin again in each phase.
 */
export interface LogRecord {
  job_id: string;
  /** `output` or `serial`. */
  log_type: string;
  phase: string;
  fragment_number: number;
  /** The attempt that the fragment belongs to. Absent for the first attempt, 0 for a line that the server wrote, -1 if no job had the id. */
  attempt?: number;
  /** When the agent made the fragment, by the agent's clock. */
  timestamp: Date;
  log_data: string;
  /** The original UTF-16 unit of each U+FFFD in `log_data`, two bytes each. Absent if no lone surrogate was sent. */
  replaced?: Binary;
  /** Sealed: the text that was appended to the fragment when its phase ended. A later fragment may continue it. */
  released?: Binary;
  /** Sealed: the end of the fragment, if it may begin a secret. The text omits it until the next fragment arrives. */
  held?: Binary;
  /** Marks the one fragment of its phase, number and attempt. Absent from fragments of a Testflinger server that are not adopted yet. */
  live?: true;
  updated_at: Date;
}

/** The collection of log fragments. */
export interface LogCollections {
  logs: Collection<LogRecord>;
}

/** The collection's name in the database. */
export const logCollections = { logs: 'logs' } satisfies Record<keyof LogCollections, string>;

/** The collection's indexes. */
export const logIndexes: readonly IndexRow<keyof LogCollections>[] = [
  {
    collection: 'logs',
    name: 'qp_fragments',
    keys: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1 },
    serves: 'reading a log by phase, in order; the last number of each phase; deleting the logs of a job',
  },
  {
    collection: 'logs',
    name: 'qp_live_piece_of_phase',
    keys: { job_id: 1, log_type: 1, phase: 1, fragment_number: 1, attempt: 1 },
    options: { unique: true, partialFilterExpression: { live: true } },
    serves:
      'storing a fragment only once when it is sent twice in one attempt; older databases may contain duplicates without the mark',
    replaces: ['qp_live_piece'],
  },
  {
    collection: 'logs',
    name: 'qp_held',
    keys: { job_id: 1 },
    options: { partialFilterExpression: { held: { $exists: true } } },
    serves: 'finding the fragments of a job whose end is held back because it may begin a secret',
  },
  {
    collection: 'logs',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'deleting logs after 7 days',
  },
];
