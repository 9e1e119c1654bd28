import type { Collection } from 'mongodb';
import { type IndexRow, nameIndexes } from '../core/index-row.js';

/** How an agent's last provisions ended, the newest last. */
export interface ProvisionLogs {
  name: string;
  provision_log: { job_id: string; exit_code: number; detail?: string; timestamp: Date }[];
  /** Marks the one record of its name; absent from those of Testflinger servers. */
  live?: true;
}

/** The collections of what agents report; their own records are in `leases/collections.ts`. */
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
