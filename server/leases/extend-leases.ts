import type { Core } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import { holderKinds } from './holder-kinds.js';
import { readCutMs } from './lease-length.js';
import type { LeaseServices } from './services.js';

/** Extends every lease to its full length from `now` on. */
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
    log.info({ leases: modifiedCount }, 'extended all leases, since no process had swept for a while');
}
