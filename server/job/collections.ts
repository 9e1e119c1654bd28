import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';
import type { JobRecord } from './job-record.js';

/** The collection of jobs. */
export interface JobCollections {
  jobs: Collection<JobRecord>;
}

/** The name of the collection in the database. */
export const jobCollections = { jobs: 'jobs' } satisfies Record<keyof JobCollections, string>;

/** The indexes by which a job is found by its id, and removed. Areas that look for jobs in other ways bring their own. */
export const jobIndexes: readonly IndexRow<keyof JobCollections>[] = [
  { collection: 'jobs', name: 'qp_job_id', keys: { job_id: 1 }, serves: 'every lookup of one job' },
  {
    collection: 'jobs',
    name: 'qp_canonical_id',
    keys: { canonical_id: 1 },
    options: { partialFilterExpression: { canonical_id: { $exists: true } } },
    serves: 'lookups of a job that another server stored under an id that is not in canonical form',
  },
  {
    collection: 'jobs',
    name: 'qp_live_job_id',
    keys: { job_id: 1 },
    options: { unique: true, partialFilterExpression: { live: true } },
    serves: 'one live document per job id; older databases may hold duplicates without the mark',
  },
  {
    collection: 'jobs',
    name: 'qp_expiry',
    keys: { created_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'jobs are removed after 7 days',
  },
];
