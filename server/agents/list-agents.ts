import type { AuthServices } from '../auth/services.js';
import type { LeaseServices } from '../leases/services.js';
import { findRestrictedQueues } from '../queues/restricted-queues.js';
import type { QueueServices } from '../queues/services.js';
import { presentAgent } from './find-agent.js';
import { withoutLog } from './update-agents.js';

/** Lists all agents, by name, in the form that the API shows. */
export async function listAgents(
  deps: Pick<AuthServices, 'collections'> &
    Pick<LeaseServices, 'collections'> &
    Pick<QueueServices, 'collections'>,
): Promise<Record<string, unknown>[]> {
  const agents = await deps.collections.agents
    .find({}, { projection: withoutLog })
    .sort({ name: 1 })
    .toArray();
  const queues = new Set(agents.flatMap((agent) => agent.queues ?? []));
  const restricted = await findRestrictedQueues(deps, [...queues]);
  const owners = new Map(restricted.map((one) => [one.queue, one.owners]));
  return agents.map((agent) => {
    const own = (agent.queues ?? []).filter((queue) => owners.has(queue));
    return presentAgent(agent, Object.fromEntries(own.map((queue) => [queue, owners.get(queue) ?? []])));
  });
}
