import { presentDate } from '../http/present-date.js';
import type { ClosedAttempt, JobRecord, Lease } from '../job/job-record.js';

/**
 * Shapes a job for its submitter: the submitted data, the id, and the agents that it excludes. After a claim, also the
 * lease (the holder, and when it ends without a sign of life) and the closed attempts.
 * @param jobId the id as the client wrote it
 */
export function presentJob(job: JobRecord, jobId: string = job.job_id): Record<string, unknown> {
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
