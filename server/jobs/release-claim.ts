import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';

/**
 * Gives a claimed job back to its queue, with its place, when its agent never got the answer. Guarded by holder and
 * attempt: a job that went on in any way stays as it is.
 */
export async function releaseClaim({ collections }: Deps, { job_id, lease }: JobRecord): Promise<void> {
  if (lease?.holder === undefined) return;
  await collections.jobs.updateOne(
    {
      job_id,
      'result_data.job_state': 'running',
      'lease.holder': lease.holder,
      'lease.attempt': lease.attempt,
    },
    { $set: { 'result_data.job_state': 'waiting' }, $unset: { started_at: true, 'lease.holder': true } },
  );
}
