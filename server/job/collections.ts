import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';
import type { JobRecord } from './job-record.js';

/** The collection of jobs. */
export interface JobCollections {
  jobs: Collection<JobRecord>;
}

/** Its name in the database. */
export const jobCollections = { jobs: 'jobs' } satisfies Record<keyof JobCollections, string>;

/** The indexes of jobs. */
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
      'claims: the first waiting job of each queue; position: those before a job; the search by state; metrics: waiting jobs by queue',
  },
  { collection: 'jobs', name: 'qp_job_id', keys: { job_id: 1 }, serves: 'every look-up of one job' },
  {
    collection: 'jobs',
    name: 'qp_live_job_id',
    keys: { job_id: 1 },
    options: { unique: true, partialFilterExpression: { live: true } },
    serves: 'one live document per job id; older databases may hold doubles without the mark',
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
    serves: 'the search by tags, in its order; jobs without tags cost it nothing',
  },
  {
    collection: 'jobs',
    name: 'qp_lease_until',
    keys: { 'lease.until': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the sweep: leases that have ended, and no other job; metrics: leases by state',
  },
  {
    collection: 'jobs',
    name: 'qp_lease_holder',
    keys: { 'lease.holder': 1, 'lease.until': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the leases of an agent that asks for other work',
  },
  {
    collection: 'jobs',
    name: 'qp_pending_line',
    keys: { pending_line: 1 },
    options: { partialFilterExpression: { pending_line: { $exists: true } } },
    serves: 'the sweep: lines about a loss that a process which was killed did not write',
  },
  {
    collection: 'jobs',
    name: 'qp_lost_holders',
    keys: { lost_holders: 1 },
    options: {
      partialFilterExpression: { 'result_data.job_state': 'waiting', lost_holders: { $exists: true } },
    },
    serves: 'the sweep: waiting jobs that are kept from those who lost them',
  },
  {
    collection: 'jobs',
    name: 'qp_expiry',
    keys: { created_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'jobs leave after 7 days',
  },
  {
    collection: 'jobs',
    name: 'qp_queue',
    keys: { 'job_data.job_queue': 1, created_at: 1 },
    serves: 'the jobs of a queue, in all states, oldest first',
  },
];
