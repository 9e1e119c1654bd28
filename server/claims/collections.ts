import type { Collection, ObjectId } from 'mongodb';
import { type IndexRow, nameIndexes } from '../core/index-row.js';
import { endedStates } from '../job/job-state.js';

/** How long jobs of a queue waited for an agent. */
export interface QueueWaitTimes {
  name: string;
  /** Seconds, the newest last. */
  wait_times: number[];
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
}

/** The collections of claims. */
export interface ClaimCollections {
  queueWaitTimes: Collection<QueueWaitTimes>;
  /** One document: what each process is about to take, while several claim from the same queues. */
  claimsUnderWay: Collection<{ _id: string; choices: { process: string; jobs: ObjectId[]; until: Date }[] }>;
}

/** Their names in the database. */
export const claimCollections = {
  queueWaitTimes: 'queue_wait_times',
  claimsUnderWay: 'claims_under_way',
} satisfies Record<keyof ClaimCollections, string>;

/** The order of the indexes of waiting jobs. */
const waitingKeys = {
  'result_data.job_state': -1,
  'job_data.job_queue': 1,
  job_priority: -1,
  created_at: 1,
  _id: 1,
} as const;

/** Jobs that no phase moves: those that wait, and those that have ended. */
const atRest = { 'result_data.job_state': { $in: ['waiting', ...endedStates] } };

/**
 * The condition of jobs that do not await attachments, word for word in the index and in each query: MongoDB then knows
 * that the index has all of them.
 */
export const awaitsNothing = { 'job_data.attachments_status': { $in: [null, 'complete'] } };

/** The indexes of wait times, and the one in whose order jobs are claimed. */
export const claimIndexes: readonly IndexRow<keyof ClaimCollections | 'jobs'>[] = [
  {
    collection: 'jobs',
    name: 'qp_waiting',
    // MongoDB walks over deleted entries until it meets a live one. `waiting` comes first, so that entries of ended jobs
    // follow the last waiting one: without them each look would walk back over all jobs that were taken before.
    keys: waitingKeys,
    options: { partialFilterExpression: atRest },
    serves:
      'claims by agents of many sets of queues: the first waiting job of each queue; position: the waiting jobs before a job; search by the states of waiting and ended jobs; metrics: waiting jobs by queue. A phase moves no entry',
    replaces: ['qp_claim'],
  },
  {
    collection: 'jobs',
    name: 'qp_claimable',
    keys: waitingKeys,
    options: { partialFilterExpression: { ...atRest, ...awaitsNothing } },
    serves:
      'claims: the first job of each queue that does not await attachments, past any number that do. It cannot count waiting jobs, because an index cannot distinguish a missing field from null',
  },
  ...nameIndexes('queueWaitTimes' as const, 'the wait times of a queue'),
];
