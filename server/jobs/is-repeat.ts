import { isDeepStrictEqual } from 'node:util';
import { BSON } from 'mongodb';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import type { Principal } from '../principal/principal.js';
import { findJobOwner } from './check-job-owner.js';
import type { ExistingJob } from './existing-job.js';

/**
 * Returns whether a submission repeats the one that stored a job with the same id, such as after a lost response: both
 * are anonymous and have the same body, and the job still waits. A client that names itself restarts its job instead.
 */
export async function isRepeat(
  deps: Pick<JobServices, 'findJobs'>,
  caller: Principal,
  existing: ExistingJob,
  job: JobRecord,
): Promise<boolean> {
  if (caller.kind !== 'anonymous' || existing.result_data.job_state !== 'waiting') return false;
  const stored = await findJob(deps, job.job_id);
  return (
    stored?.result_data.job_state === 'waiting' &&
    findJobOwner(stored) === undefined &&
    isDeepStrictEqual(readBack(omitStatus(job)), omitStatus(stored))
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
