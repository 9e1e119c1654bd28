import type { Deps } from '../deps.js';
import { ApiError } from '../http/errors.js';
import { filterAllowing, stateAfter } from './job-state.js';

/** Cancels a job that has not ended. @throws ApiError 400 for one that has, or that does not exist. */
export async function cancelJob({ collections }: Deps, jobId: string): Promise<void> {
  const { matchedCount } = await collections.jobs.updateOne(
    { job_id: jobId, ...filterAllowing('cancel') },
    { $set: { 'result_data.job_state': stateAfter('cancel') } },
  );
  if (matchedCount === 0) throw new ApiError('job_already_ended');
}
