import type { Core } from '../core/core.js';
import { byId } from '../db/index-hint.js';
import type { JobServices } from '../job/services.js';
import { hasOtherLiveAgent } from './live-agents.js';
import type { LeaseServices } from './services.js';

/**
 * Lets agents take waiting jobs again that they have lost, where no other live agent serves the queue.
 */
export async function freeLostHolders(
  deps: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'collections' | 'leaseHints'>,
): Promise<void> {
  const waiting = await deps.leaseHints.lostHolders.use((hint) =>
    deps.collections.jobs
      .find({ 'result_data.job_state': 'waiting', lost_holders: { $exists: true } } as object, {
        projection: { 'job_data.job_queue': 1, 'job_data.exclude_agents': 1, lost_holders: 1 },
        ...hint,
      })
      .toArray(),
  );
  // Many jobs of one queue may have been lost by one agent after the other.
  const known = new Map<string, Promise<boolean>>();
  for (const { _id, job_data: data, lost_holders: lost = [] } of waiting) {
    const key = JSON.stringify([data, lost]);
    const isServed = known.get(key) ?? hasOtherLiveAgent(deps, data, lost);
    known.set(key, isServed);
    if (await isServed) continue;
    await deps.collections.jobs.updateOne(
      { _id, lost_holders: lost },
      { $unset: { lost_holders: true }, $currentDate: { wake_at: true } },
      byId,
    );
  }
}
