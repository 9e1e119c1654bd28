import type { JobRecord } from '../db/collections.js';
import { presentDate } from '../http/present-date.js';

/** A job as its submitter sees it: what was sent, its id, and the agents that it excludes. */
export function presentJob(job: JobRecord, jobId: string = job.job_id): Record<string, unknown> {
  const { attachments_status: _status, client_id: _client, ...data } = job.job_data;
  return { ...data, job_id: jobId, exclude_agents: job.job_data.exclude_agents ?? [] };
}

/**
 * A job as its agent sees it: besides, when it started, whether attachments are there to fetch, and its secrets, whose
 * values stand in place of their paths and are never stored with the job.
 */
export function presentClaimedJob(
  job: JobRecord,
  secrets: Record<string, string> | undefined,
): Record<string, unknown> {
  return {
    ...job.job_data,
    ...(secrets && { test_data: { ...(job.job_data.test_data as object), secrets } }),
    job_id: job.job_id,
    exclude_agents: job.job_data.exclude_agents ?? [],
    ...(job.started_at && { started_at: presentDate(job.started_at) }),
  };
}
