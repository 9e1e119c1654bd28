import type { AuthServices } from '../auth/services.js';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { findBatch } from '../db/batched-reads.js';
import type { DatabaseServices } from '../db/services.js';
import type { AnyRoute } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import type { LeaseServices } from '../leases/services.js';
import type { LogServices } from '../logs/services.js';
import type { QueueServices } from '../queues/services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import { AgentMemory } from './agent-memory.js';
import { agentCollections, agentIndexes } from './collections.js';
import { agentErrors, agentQuirks } from './errors.js';
import { agentRoutes } from './routes.js';
import type { AgentServices } from './services.js';
import { updateAgents, withoutLog } from './update-agents.js';
import { createWriteMarker } from './write-marks.js';

type Needs = Core &
  DatabaseServices &
  AuthServices &
  JobServices &
  ScrubbingServices &
  LogServices &
  LeaseServices &
  QueueServices &
  Pick<AgentServices, 'collections'>;

/** The agents area: what agents report about themselves, their queues and their provisions. */
export const agentsArea: Area<AgentServices, Needs, AnyRoute<Needs & AgentServices>> = {
  name: 'agents',
  collections: agentCollections,
  indexes: agentIndexes,
  errors: agentErrors,
  quirks: agentQuirks,
  routes: agentRoutes,
  createServices({ collections, batching, findHolder, log }) {
    const { agents } = collections;
    const createWriteMark = createWriteMarker();
    return {
      findAgentRecord: batching.batched(findBatch(agents, 'name', { projection: withoutLog })),
      updateAgent: batching.batched((changes) =>
        updateAgents({ collections, findHolder }, createWriteMark, changes),
      ),
      createWriteMark,
      agentMemory: new AgentMemory(collections, log),
    };
  },
  async stop({ agentMemory }) {
    await agentMemory.close();
  },
};
