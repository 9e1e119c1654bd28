import { presentDate } from '../http/present-date.js';
import type { JobRecord } from '../job/job-record.js';

/**
 * A job as its agent sees it: also with its start, whether there are attachments to fetch, and its secrets, whose values
 * stand in place of their paths and are never stored with the job.
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
