import type { Core } from '../core/core.js';
import type { JobServices } from '../job/services.js';
import { readCutMs, timeAfter } from './lease-length.js';
import type { LeaseServices } from './services.js';

/** The states in which an agent works on no job. */
const idleStates = ['waiting', 'offline'];

/**
 * Shortens the leases of an agent that asks for another job, or reports that it has none, while a job of it is unfinished.
 * They end within ten minutes unless the agent sends something about that job, as a stock agent does that could not send
 * its outcome. So a job returns to its queue when the response to its claim was lost, or its agent was restarted.
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

/** Shortens the leases of agents that ask at the same moment, in one statement. */
export async function cutLeasesTogether(
  {
    config,
    clock,
    collections,
    leaseHints,
  }: Core & Pick<JobServices, 'collections'> & Pick<LeaseServices, 'config' | 'leaseHints'>,
  agents: readonly string[],
): Promise<undefined[]> {
  const filter = {
    'lease.holder': { $in: [...new Set(agents)] },
    'lease.until': { $exists: true },
    'lease.cut': { $ne: true },
  } as object;
  const update = {
    $set: {
      'lease.until': { $min: ['$lease.until', timeAfter(clock, readCutMs(config))] },
      'lease.cut': true,
    },
  };
  await leaseHints.holder.use((hint) =>
    // If a change of the primary loses this write, the lease keeps its end; a poll half a minute later cuts it again.
    collections.jobs.updateMany(filter, [update], { writeConcern: { w: 1 }, ...hint }),
  );
  return agents.map(() => undefined);
}

/** Shortens the leases of an agent that reports an idle state. */
export async function cutLeasesOfIdle(
  deps: Pick<LeaseServices, 'agentWatch' | 'config' | 'cutLeasesOf'>,
  agent: string,
  state: string | undefined,
): Promise<void> {
  if (state !== undefined && idleStates.includes(state)) await cutLeases(deps, agent);
}
