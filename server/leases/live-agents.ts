import type { Core } from '../core/core.js';
import type { JobRecord } from '../job/job-record.js';
import type { LeaseServices } from './services.js';

/** Milliseconds since its last sign of life for which an agent counts as alive; stock agents ask every 10 s. */
const liveMs = 180_000;

/** The states in which an agent takes no jobs. */
const restingStates = ['offline', 'maintenance'];

/** Whether a live agent other than these serves the queue of a job and may take it. */
export async function hasOtherLiveAgent(
  { collections, clock }: Core & Pick<LeaseServices, 'collections'>,
  { job_queue: queue, exclude_agents: excluded }: JobRecord['job_data'],
  lost: readonly string[],
): Promise<boolean> {
  const since = new Date(clock.now().getTime() - liveMs);
  const found = await collections.agents.findOne(
    {
      queues: queue,
      name: { $nin: [...lost, ...(Array.isArray(excluded) ? excluded : [])] },
      state: { $nin: restingStates },
      seen_at: { $gt: since },
    },
    { projection: { _id: 1 } },
  );
  return found !== null;
}
