import type { Core } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { HeldJob } from '../job/held-job.js';
import { filterAllowing } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import { resumeLogs } from '../logs/log-segments.js';
import { fenceLease } from './fencing.js';
import { startLease } from './renew-lease.js';
import type { LeaseServices } from './services.js';

/** The attempt that was closed last. */
const last = { $last: '$attempts' };

/** A field of that attempt. */
const ofLast = (field: string) => ({ $getField: { field, input: last } });

const withoutLast = {
  $cond: [
    { $gt: [{ $size: '$attempts' }, 1] },
    { $slice: ['$attempts', { $subtract: [{ $size: '$attempts' }, 1] }] },
    '$$REMOVE',
  ],
};

/**
 * Returns a job that nobody else has taken to the agent that lost it, as it was: with the attempt, its state and its
 * statuses. Fenced, so that of this and a claim at the same moment the first one wins.
 */
export async function restoreToHolder(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config' | 'metrics'>,
  job: HeldJob,
  agent: string,
): Promise<void> {
  const segments = resumeLogs(job);
  const { matchedCount } = await deps.collections.jobs.updateOne(
    {
      _id: job._id,
      ...fenceLease(job.lease),
      attempts: { $size: job.attempts?.length ?? 0 },
      ...filterAllowing('give_back'),
    } as object,
    [
      {
        $set: {
          'result_data.job_state': ofLast('state'),
          'result_data.status': ofLast('status'),
          'result_data.device_info': ofLast('device_info'),
          artifact_file: ofLast('artifact_file'),
          started_at: ofLast('started_at'),
          phase_times: ofLast('phase_times'),
          'lease.holder': { $literal: agent },
          'lease.client_id': ofLast('client_id'),
          'lease.losses': { $subtract: ['$lease.losses', 1] },
          ...startLease(deps, ofLast('state')),
          lost_holders: { $setDifference: [{ $ifNull: ['$lost_holders', []] }, [{ $literal: agent }]] },
          log_segments: { $literal: segments },
          attempts: withoutLast,
        },
      },
    ],
    byId,
  );
  if (matchedCount === 0) return;
  deps.metrics.jobsGivenBack.inc();
  deps.log.info(
    { job_id: job.job_id, agent, attempt: job.lease?.attempt },
    'returned a job to the agent that lost it',
  );
}
