import type { JobRecord } from '../job/job-record.js';

/** The part of a stored job that a resubmission under its id reads. */
export type ExistingJob = Pick<
  JobRecord,
  | 'job_id'
  | 'created_at'
  | 'started_at'
  | 'phase_times'
  | 'submitted_by'
  | 'lease'
  | 'attempts'
  | 'idempotency'
  | 'result_data'
  | 'job_data'
>;

/** The projection that reads an `ExistingJob`: of its data and results only what decides who may restart it, and how. */
export const existingFields = {
  job_id: 1,
  created_at: 1,
  started_at: 1,
  phase_times: 1,
  submitted_by: 1,
  lease: 1,
  'attempts.attempt': 1,
  'attempts.holder': 1,
  'attempts.started_at': 1,
  'attempts.phase_times': 1,
  'attempts.ended_at': 1,
  'attempts.state': 1,
  'attempts.masked': 1,
  idempotency: 1,
  'result_data.job_state': 1,
  'job_data.client_id': 1,
  'job_data.test_data.secrets': 1,
};
