import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';
import type { JobRecord } from './job-record.js';

/** The collection of jobs. */
export interface JobCollections {
  jobs: Collection<JobRecord>;
}

/** The name of the collection in the database. */
export const jobCollections = { jobs: 'jobs' } satisfies Record<keyof JobCollections, string>;

/** The indexes of the collection. */
export const jobIndexes: readonly IndexRow<keyof JobCollections>[] = [
  {
    collection: 'jobs',
    name: 'qp_claim',
    keys: {
      'result_data.job_state': 1,
      'job_data.job_queue': 1,
      job_priority: -1,
      created_at: 1,
      _id: 1,
    },
    serves:
      'claims: the first waiting job of each queue; position: the waiting jobs before a job; search by state; metrics: waiting jobs by queue',
  },
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
  {
    collection: 'jobs',
    name: 'qp_lease_until',
    keys: { 'lease.until': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the sweep: only the jobs whose lease has ended; metrics: leases by state',
  },
  {
    collection: 'jobs',
    name: 'qp_lease_holder',
    keys: { 'lease.holder': 1, 'lease.until': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the leases of an agent that asks for another job',
  },
  {
    collection: 'jobs',
    name: 'qp_pending_line',
    keys: { pending_line: 1 },
    options: { partialFilterExpression: { pending_line: { $exists: true } } },
    serves: 'the sweep: lines about lost attempts that a killed process did not write',
  },
  {
    collection: 'jobs',
    name: 'qp_lost_holders',
    keys: { lost_holders: 1 },
    options: {
      partialFilterExpression: { 'result_data.job_state': 'waiting', lost_holders: { $exists: true } },
    },
    serves: 'the sweep: waiting jobs that are kept from the agents that lost them',
  },
  {
    collection: 'jobs',
    name: 'qp_expiry',
    keys: { created_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'jobs are removed after 7 days',
  },
  {
    collection: 'jobs',
    name: 'qp_queue',
    keys: { 'job_data.job_queue': 1, created_at: 1 },
    serves: 'the jobs of a queue, in all states, oldest first',
  },
];
