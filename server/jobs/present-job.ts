import { presentDate } from '../http/present-date.js';
import type { ClosedAttempt, JobRecord, Lease } from '../job/job-record.js';

/** The part of a job that its submitter sees. */
export type ShownJob = Pick<JobRecord, 'job_id' | 'job_data' | 'lease' | 'attempts'>;

/** The projection that reads a `ShownJob`: no results, and nothing but a count of what was discarded. */
export const shownFields = {
  job_id: 1,
  job_data: 1,
  lease: 1,
  'attempts.attempt': 1,
  'attempts.holder': 1,
  'attempts.started_at': 1,
  'attempts.ended_at': 1,
  'attempts.reason': 1,
  'attempts.state': 1,
  'attempts.late.kind': 1,
};

/**
 * Shapes a job for its submitter: the submitted data, the id, and the agents that it excludes. After a claim, also the
 * lease (the holder, and when it ends without a sign of life) and the closed attempts.
 * @param jobId the id as the client wrote it
 */
export function presentJob(job: ShownJob, jobId: string = job.job_id): Record<string, unknown> {
  const { attachments_status: _status, client_id: _client, ...data } = job.job_data;
  return {
    ...data,
    job_id: jobId,
    exclude_agents: job.job_data.exclude_agents ?? [],
    ...(job.lease && { lease: presentLease(job.lease) }),
    ...(job.attempts?.length && { attempts: job.attempts.map(presentAttempt) }),
  };
}

function presentLease({ holder, attempt, until }: Lease): Record<string, unknown> {
  return { attempt, ...(holder !== undefined && { holder }), ...(until && { until: presentDate(until) }) };
}

/** Leaves out the data of the attempt, which is not part of any result. */
function presentAttempt(closed: ClosedAttempt): Record<string, unknown> {
  const { attempt, holder, started_at: startedAt, ended_at: endedAt, reason, state, late } = closed;
  return {
    attempt,
    holder,
    ...(startedAt && { started_at: presentDate(startedAt) }),
    ended_at: presentDate(endedAt),
    reason,
    job_state: state,
    ...(late && { discarded: late.length }),
  };
}
