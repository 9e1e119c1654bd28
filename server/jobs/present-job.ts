import type { JobRecord } from '../db/collections.js';
import { presentDate } from '../http/present-date.js';

/** A job as its submitter sees it: what was sent, its id, and the agents that it excludes. */
export function presentJob(job: JobRecord, jobId: string = job.job_id): Record<string, unknown> {
  const { attachments_status: _status, client_id: _client, ...data } = job.job_data;
  return { ...data, job_id: jobId, exclude_agents: job.job_data.exclude_agents ?? [] };
}

/**
 * A job as its agent sees it: besides, when it started and whether attachments are there to fetch. There is no secrets
 * store in this version, so the secrets of a job from an older database are told as empty: never their paths.
 */
export function presentClaimedJob(job: JobRecord): Record<string, unknown> {
  const { test_data: testData } = job.job_data as { test_data?: { secrets?: object } };
  const emptied = Object.fromEntries(Object.keys(testData?.secrets ?? {}).map((name) => [name, '']));
  return {
    ...job.job_data,
    ...(testData?.secrets && { test_data: { ...testData, secrets: emptied } }),
    job_id: job.job_id,
    exclude_agents: job.job_data.exclude_agents ?? [],
    ...(job.started_at && { started_at: presentDate(job.started_at) }),
  };
}
