import type { ClosedAttempt, JobRecord, Lease } from '../job/job-record.js';
import { presentDate } from '../http/present-date.js';

/**
 * A job as its submitter sees it: what was sent, its id, and the agents that it excludes. Besides, once it was claimed,
 * who holds it and how long without a sign of life, and which attempts at it were lost.
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

/** Without what the attempt told: that belongs to nobody's result. */
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
