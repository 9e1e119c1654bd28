import { isDeepStrictEqual } from 'node:util';
import { BSON } from 'mongodb';
import type { JobRecord } from '../job/job-record.js';
import type { Principal } from '../principal/principal.js';
import { findJobOwner } from './check-job-owner.js';

/**
 * Returns whether a submission repeats the one that stored a job with the same id, such as after a lost response: both
 * are anonymous and have the same body, and the job still waits. A client that names itself restarts its job instead.
 */
export function isRepeat(caller: Principal, existing: JobRecord, job: JobRecord): boolean {
  return (
    caller.kind === 'anonymous' &&
    findJobOwner(existing) === undefined &&
    existing.result_data.job_state === 'waiting' &&
    isDeepStrictEqual(readBack(omitStatus(job)), omitStatus(existing))
  );
}

/** Leaves out the status that changes when the attachments arrive. */
function omitStatus({ job_data: { attachments_status: _status, ...data } }: JobRecord): object {
  return data;
}

/** Returns data as the database returns it. */
function readBack(data: object): object {
  return BSON.deserialize(BSON.serialize(data));
}
