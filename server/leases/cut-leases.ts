import type { LeaseServices } from './services.js';
import type { JobServices } from '../job/services.js';
import type { Core } from '../core/core.js';
import { readCutMs, timeAfter } from './lease-length.js';

/** Words by which an agent says that it works on nothing. */
const idleStates = ['waiting', 'offline'];

/**
 * An agent that asks for another job, or says that it has none, while a job of it is unfinished: its leases end within
 * ten minutes unless it sends something about that job, as a stock agent does whose outcome could not be sent. So a
 * claim whose answer was lost comes back, and so does the job of an agent that was started again.
 */
export async function cutLeases(
  deps: Pick<LeaseServices, 'agentWatch' | 'config' | 'cutLeasesOf'>,
  agent: string,
): Promise<void> {
  const { config, agentWatch } = deps;
  if (config.agentLeases === 'off' || !agentWatch.mayHold(agent)) return;
  await deps.cutLeasesOf(agent);
  agentWatch.holdsNothing(agent);
}

/** Cuts the leases of agents that ask at the same moment, by one statement. */
export async function cutLeasesTogether(
  { config, clock, collections }: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config'>,
  agents: readonly string[],
): Promise<undefined[]> {
  await collections.jobs.updateMany(
    {
      'lease.holder': { $in: [...new Set(agents)] },
      'lease.until': { $exists: true },
      'lease.cut': { $ne: true },
    } as object,
    [
      {
        $set: {
          'lease.until': { $min: ['$lease.until', timeAfter(clock, readCutMs(config))] },
          'lease.cut': true,
        },
      },
    ],
    // Lost with its primary, the lease ends when it would have; the next poll of half a minute later cuts it again.
    { writeConcern: { w: 1 } },
  );
  return agents.map(() => undefined);
}

/** The same for the state that an agent tells about itself. */
export async function cutLeasesOfIdle(
  deps: Pick<LeaseServices, 'agentWatch' | 'config' | 'cutLeasesOf'>,
  agent: string,
  state: string | undefined,
): Promise<void> {
  if (state !== undefined && idleStates.includes(state)) await cutLeases(deps, agent);
}
