import { ApiError } from '../errors/api-error.js';
import type { RouteRequest } from '../http/route.js';
import { jobErrors } from './errors.js';
import { readJobId } from './job-id.js';

/** The job that the path names, in canonical form. @throws ApiError 400 for what is not a job id. */
export function getJobId({
  params,
  noteJob,
}: Pick<RouteRequest<{ job_id: string }>, 'params' | 'noteJob'>): string {
  const jobId = readJobId(params.job_id);
  if (jobId === undefined) throw new ApiError(jobErrors.idInvalid);
  noteJob(jobId);
  return jobId;
}
