import { ApiError } from '../errors/api-error.js';
import type { RouteRequest } from '../http/route.js';
import { jobErrors } from './errors.js';
import { readJobId } from './job-id.js';

/**
 * Returns the job id of the path in canonical form, and adds it to the request's log line.
 * @throws ApiError 400 if it is not a valid job id
 */
export function getJobId({
  params,
  noteJob,
}: Pick<RouteRequest<{ job_id: string }>, 'params' | 'noteJob'>): string {
  const jobId = readJobId(params.job_id);
  if (jobId === undefined) throw new ApiError(jobErrors.idInvalid);
  noteJob(jobId);
  return jobId;
}
