import type { IndexRow } from '../core/index-row.js';

/** The indexes of jobs that submits and the search need. */
export const jobsIndexes: readonly IndexRow<'jobs'>[] = [
  {
    collection: 'jobs',
    name: 'qp_idempotency_key',
    keys: { 'idempotency.key': 1 },
    options: { unique: true, partialFilterExpression: { 'idempotency.key': { $exists: true } } },
    serves: 'one job per Idempotency-Key',
  },
  {
    collection: 'jobs',
    name: 'qp_tags',
    keys: { 'job_data.tags': 1, _id: 1 },
    options: { partialFilterExpression: { 'job_data.tags': { $exists: true } } },
    serves: 'search by tags, sorted by `_id`; jobs without tags are not in the index',
  },
];
