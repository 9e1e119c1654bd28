import type { WithId } from 'mongodb';
import type { JobRecord } from './job-record.js';

/** The part of a job that leases, logs and masks need. */
export type HeldJob = WithId<
  Pick<
    JobRecord,
    | 'job_id'
    | 'created_at'
    | 'live'
    | 'result_data'
    | 'job_data'
    | 'lease'
    | 'attempts'
    | 'log_segments'
    | 'superseded'
  >
>;

/** The projection that reads a `HeldJob`. */
export const heldFields = {
  job_id: 1,
  created_at: 1,
  live: 1,
  'result_data.job_state': 1,
  'job_data.job_queue': 1,
  'job_data.global_timeout': 1,
  'job_data.test_data.secrets': 1,
  lease: 1,
  'attempts.holder': 1,
  'attempts.client_id': 1,
  'attempts.attempt': 1,
  'attempts.reason': 1,
  'attempts.masked': 1,
  log_segments: 1,
  superseded: 1,
} as const;

const { 'result_data.job_state': _state, ...others } = heldFields;

/** The projection that reads a `HeldJob` with its statuses and device. */
export const heldFieldsWithResult = { ...others, result_data: 1 } as const;
