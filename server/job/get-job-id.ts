import { ApiError, type ErrorCode } from '../errors/api-error.js';
import type { RouteRequest } from '../http/route.js';
import { readJobId } from './job-id.js';

/** The job that the path names, in canonical form. @throws ApiError 400 in the form that the route's clients know. */
export function getJobId(
  { params, noteJob }: Pick<RouteRequest<{ job_id: string }>, 'params' | 'noteJob'>,
  code: ErrorCode = 'job_id_invalid',
): string {
  const jobId = readJobId(params.job_id);
  if (jobId === undefined) throw new ApiError(code);
  noteJob(jobId);
  return jobId;
}
