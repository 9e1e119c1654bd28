import type { JobRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { endLease } from '../leases/renew-lease.js';
import { filterAllowing, stateAfter } from './job-state.js';

/**
 * Gives a claimed job back to its queue, with its place, when its agent never got the answer. Guarded by holder and
 * attempt: a job that went on in any way stays as it is.
 */
export async function releaseClaim({ collections }: Deps, { job_id, lease }: JobRecord): Promise<void> {
  if (lease?.holder === undefined) return;
  await collections.jobs.updateOne(
    {
      job_id,
      ...filterAllowing('release'),
      'lease.holder': lease.holder,
      'lease.attempt': lease.attempt,
    } as object,
    [
      {
        $set: {
          'result_data.job_state': stateAfter('release'),
          started_at: '$$REMOVE',
          wake_at: '$$NOW',
          'lease.holder': '$$REMOVE',
          ...endLease,
        },
      },
    ],
  );
}
