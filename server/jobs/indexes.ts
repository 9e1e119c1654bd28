import type { IndexRow } from '../core/index-row.js';
import { inProgress } from './state-filter.js';

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
    name: 'qp_in_progress',
    keys: { created_at: 1, _id: 1 },
    options: { partialFilterExpression: inProgress },
    serves: 'search by phases, and the active jobs. A phase moves no entry',
  },
  {
    collection: 'jobs',
    name: 'qp_tags',
    keys: { 'job_data.tags': 1, _id: 1 },
    options: { partialFilterExpression: { 'job_data.tags': { $exists: true } } },
    serves: 'search by tags, sorted by `_id`; jobs without tags are not in the index',
  },
  {
    collection: 'jobs',
    name: 'qp_anonymous_bytes',
    // With `_id`, a job keeps its place while its bytes change, so that a scan sees it once.
    keys: { 'result_data.job_state': 1, _id: 1, anonymous_bytes: 1 },
    options: { partialFilterExpression: { anonymous_bytes: { $gt: 0 } } },
    serves:
      'the sum of the bytes that anonymous callers have sent for waiting jobs; other jobs are not in the index',
  },
];
