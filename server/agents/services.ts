import type { AgentRecord } from '../leases/collections.js';
import type { AgentCollections } from './collections.js';
import type { AgentChange, AgentSeen } from './update-agents.js';

/** What agents add to the dependencies of functions. */
export interface AgentServices {
  collections: AgentCollections;
  /** The record of an agent without its log, read together with others of the same moment. */
  findAgentRecord(name: string): Promise<AgentRecord | undefined>;
  /** Changes the record of an agent, together with others of the same moment. */
  updateAgent(change: AgentChange, bytes?: number): Promise<AgentSeen>;
}
