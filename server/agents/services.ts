import type { AgentRecord } from '../leases/collections.js';
import type { AgentCollections } from './collections.js';
import type { AgentChange, PreviousAgent } from './update-agents.js';

/** The dependencies that the agents area provides to functions. */
export interface AgentServices {
  collections: AgentCollections;
  /** Finds the record of an agent, without its log. Concurrent calls share one database read. */
  findAgentRecord(name: string): Promise<AgentRecord | undefined>;
  /** Changes the record of an agent, and returns fields from before the change. Concurrent calls share one write. */
  updateAgent(change: AgentChange, bytes?: number): Promise<PreviousAgent>;
}
