import type { WithId } from 'mongodb';
import type { AgentRecord } from '../leases/collections.js';
import type { AgentMemory } from './agent-memory.js';
import type { AgentCollections } from './collections.js';
import type { AgentChange, AgentUpdate } from './update-agents.js';

/** The dependencies that the agents area provides to functions. */
export interface AgentServices {
  collections: AgentCollections;
  /** Finds the record of an agent, without its log. Concurrent calls share one database read. */
  findAgentRecord(name: string): Promise<WithId<AgentRecord> | undefined>;
  /** Changes the record of an agent. Concurrent calls share one write. */
  updateAgent(change: AgentChange, bytes?: number): Promise<AgentUpdate>;
  /** Makes the mark of a write to an agent's record. */
  createWriteMark(): string;
  agentMemory: AgentMemory;
}
