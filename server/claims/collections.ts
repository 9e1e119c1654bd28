import type { Collection, ObjectId } from 'mongodb';
import { type IndexRow, nameIndexes } from '../core/index-row.js';

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

/** The indexes of claims; that of the jobs to claim is `qp_claim` of the jobs. */
export const claimIndexes: readonly IndexRow<keyof ClaimCollections>[] = nameIndexes(
  'queueWaitTimes',
  'the wait times of a queue',
);
