import type { Binary, Collection } from 'mongodb';
import type { IndexRow } from '../core/index-row.js';

/** The secrets that an attempt at a job was given, which none of its texts may hold. */
export interface JobMasksRecord {
  job_id: string;
  attempt: number;
  /** Each sealed by itself. */
  values: Binary[];
  /** All values of the attempt are stored. */
  complete?: true;
  expire_at: Date;
}

/** The collection of what texts of jobs must not hold. */
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
    serves: 'the secrets that texts of a job must not hold',
  },
  {
    collection: 'jobMasks',
    name: 'qp_expiry',
    keys: { expire_at: 1 },
    options: { expireAfterSeconds: 0 },
    serves: 'the secrets are removed an hour after the end of their job, or 8 days after its claim',
  },
];
