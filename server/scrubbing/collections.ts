import type { Binary, Collection } from 'mongodb';
import type { IndexRow } from '../core/index-row.js';

/** The secrets that one attempt at a job received. None of the job's texts may contain them. */
export interface JobMasksRecord {
  job_id: string;
  attempt: number;
  /** The secrets, each encrypted separately. */
  values: Binary[];
  /** Present once all secrets of the attempt are stored. */
  complete?: true;
  expire_at: Date;
}

/** The collection of the secrets to mask in texts of jobs. */
export interface ScrubbingCollections {
  jobMasks: Collection<JobMasksRecord>;
}

/** Its name in the database. */
export const scrubbingCollections = { jobMasks: 'job_masks' } satisfies Record<
  keyof ScrubbingCollections,
  string
>;

/** Its indexes. */
export const scrubbingIndexes: readonly IndexRow<keyof ScrubbingCollections>[] = [
  {
    collection: 'jobMasks',
    name: 'qp_job_id',
    keys: { job_id: 1, attempt: 1 },
    options: { unique: true },
    serves: "the secrets to mask in a job's texts",
  },
  {
    collection: 'jobMasks',
    name: 'qp_expiry',
    keys: { expire_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'the secrets are removed an hour after the end of their job, or 8 days after its claim',
  },
];
