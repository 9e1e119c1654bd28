import type { Filter, WithId } from 'mongodb';
import { ApiError } from '../errors/api-error.js';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';
import { jobsErrors } from './errors.js';

/** The part of a job that decides its place in its queue. */
type PlacedJob = Pick<JobRecord, 'created_at' | 'job_priority' | 'job_data' | 'result_data'>;

const placeFields = {
  created_at: 1,
  job_priority: 1,
  'job_data.job_queue': 1,
  'result_data.job_state': 1,
};

/**
 * Returns how many waiting jobs of the same queue come before a job in the order of claims, including jobs that await
 * attachments.
 * @throws ApiError 410 if the job has started or does not exist
 */
export async function getJobPosition(
  deps: Pick<JobServices, 'findJobs' | 'countJobs'>,
  jobId: string,
): Promise<number> {
  const job = await findJob<PlacedJob>(deps, jobId, placeFields);
  if (job?.result_data.job_state !== 'waiting') throw new ApiError(jobsErrors.notWaiting);
  const counts = await Promise.all(filterBefore(job).map((range) => deps.countJobs(range)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Returns filters for the jobs before a job: three ranges of the claim index, each counted alone, since an `$or` would
 * fetch every document.
 */
export function filterBefore(job: WithId<PlacedJob>): Filter<JobRecord>[] {
  const { job_priority: priority, created_at: createdAt, _id } = job;
  const queue = { 'result_data.job_state': 'waiting', 'job_data.job_queue': job.job_data.job_queue };
  return [
    { ...queue, job_priority: { $gt: priority } },
    { ...queue, job_priority: priority, created_at: { $lt: createdAt } },
    { ...queue, job_priority: priority, created_at: createdAt, _id: { $lt: _id } },
  ] as Filter<JobRecord>[];
}
