import type { Document } from 'mongodb';
import type { JobServices } from '../job/services.js';
import type { PeriodicServices } from '../periodic/services.js';
import { leaseStates } from './metrics.js';
import type { LeaseServices } from './services.js';

/** By `qp_lease_until`; reads the jobs that agents have, and no other. */
export const leasesByState: Document[] = [
  // Any date: MongoDB uses a partial index over `$exists` for it, and would read each job once more for `$exists` itself.
  { $match: { 'lease.until': { $gt: new Date(0) } } },
  { $group: { _id: '$result_data.job_state', leases: { $sum: 1 } } },
];

/**
 * Counts the leases by the state of their job, and reads when they were swept last.
 * @param timeoutMS milliseconds that it may take
 */
export async function measureLeases(
  {
    collections,
    config,
    metrics,
  }: Pick<PeriodicServices, 'collections'> &
    Pick<JobServices, 'collections'> &
    Pick<LeaseServices, 'config' | 'metrics'>,
  timeoutMS: number,
): Promise<void> {
  if (config.agentLeases === 'off') return;
  const [counted, beat] = await Promise.all([
    collections.jobs.aggregate<{ _id: unknown; leases: number }>(leasesByState, { timeoutMS }).toArray(),
    collections.serviceBeats.findOne({ _id: 'sweep_leases' }, { timeoutMS }),
  ]);
  const values = new Map(leaseStates.map((state) => [state, 0]));
  for (const { _id: word, leases } of counted) {
    const state = leaseStates.find((known) => known === word) ?? 'other';
    values.set(state, (values.get(state) ?? 0) + leases);
  }
  for (const [state, leases] of values) metrics.leases.set({ state }, leases);
  const sweptAt = beat?.last_sweep_at;
  if (sweptAt) metrics.lastSweep.set(sweptAt.getTime() / 1000);
}
