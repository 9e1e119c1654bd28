import type { JobServices } from '../job/services.js';
import type { LeaseServices } from './services.js';
import type { Core } from '../core/core.js';
import { holderKinds } from './holder-kinds.js';
import { readCutMs } from './lease-length.js';

/** Gives every lease its own length from `now` on, where it would end before. */
export async function extendLeases(
  { collections, config, log }: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config'>,
  now: Date,
): Promise<void> {
  const length = {
    $cond: [
      { $eq: ['$lease.cut', true] },
      readCutMs(config),
      holderKinds.agent.leaseLength(config, '$result_data.job_state'),
    ],
  };
  const { modifiedCount } = await collections.jobs.updateMany(
    { 'lease.until': { $exists: true } } as object,
    [{ $set: { 'lease.until': { $max: ['$lease.until', { $add: [now, length] }] } } }],
  );
  if (modifiedCount > 0)
    log.info({ leases: modifiedCount }, 'nobody swept for a while: all leases were extended');
}
