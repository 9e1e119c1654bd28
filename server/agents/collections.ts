import type { Collection } from 'mongodb';
import { type IndexRow, nameIndexes } from '../core/index-row.js';

/** The results of an agent's last provisions, the newest last. */
export interface ProvisionLogs {
  name: string;
  provision_log: { job_id: string; exit_code: number; detail?: string; timestamp: Date }[];
  /** Marks the one current record of its name. Records that Testflinger servers wrote do not have it. */
  live?: true;
}

/** The collections of the agents area. The records of agents themselves are in `leases/collections.ts`. */
export interface AgentCollections {
  provisionLogs: Collection<ProvisionLogs>;
}

/** Their names in the database. */
export const agentCollections = { provisionLogs: 'provision_logs' } satisfies Record<
  keyof AgentCollections,
  string
>;

/** Their indexes. */
export const agentIndexes: readonly IndexRow<keyof AgentCollections>[] = nameIndexes(
  'provisionLogs',
  'the provision log of an agent',
);
