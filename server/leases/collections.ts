import type { Collection } from 'mongodb';
import { daySeconds, type IndexRow } from '../core/index-row.js';

/** An agent as it describes itself: the holder of jobs that leases look at. `name` is unique. */
export interface AgentRecord {
  name: string;
  state?: string;
  queues?: string[];
  location?: string;
  provision_type?: string;
  job_id?: string;
  log?: string[];
  comment?: string;
  identifier?: string;
  /** Id of the client that used the name first. */
  bound_to?: string;
  provision_streak_type?: string;
  provision_streak_count?: number;
  /** The provisions of the last minute, by which a repeated report is recognised. */
  recent_provisions?: { job_id: string; exit_code: number; at: Date }[];
  updated_at?: Date;
  /** When the agent last sent a request, to the minute. */
  seen_at?: Date;
  /** Identifies the last write of a report or a provision; never shown. */
  write_mark?: string;
  /** The number of such writes; never shown. */
  revision?: number;
}

/** The collection of those who hold jobs. */
export interface LeaseCollections {
  agents: Collection<AgentRecord>;
}

/** Its name in the database. */
export const leaseCollections = { agents: 'agents' } satisfies Record<keyof LeaseCollections, string>;

/** The indexes of agents, and those by which the sweep finds jobs. */
export const leaseIndexes: readonly IndexRow<keyof LeaseCollections | 'jobs'>[] = [
  {
    collection: 'agents',
    name: 'qp_name',
    keys: { name: 1 },
    options: { unique: true },
    serves: 'every request about one agent',
  },
  { collection: 'agents', name: 'qp_queues', keys: { queues: 1 }, serves: 'the agents of a queue' },
  {
    collection: 'agents',
    name: 'qp_expiry',
    keys: { updated_at: 1 },
    options: { expireAfterSeconds: 7 * daySeconds },
    serves: 'agents are removed 7 days after their last sign of life',
  },
  {
    collection: 'jobs',
    name: 'qp_lease_until',
    keys: { 'lease.until': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the sweep: only the jobs whose lease has ended; metrics: leases by state',
  },
  {
    collection: 'jobs',
    name: 'qp_leases_of_holder',
    keys: { 'lease.holder': 1 },
    options: { partialFilterExpression: { 'lease.until': { $exists: true } } },
    serves: 'the leases of an agent that asks for another job. A renewal moves no entry',
    replaces: ['qp_lease_holder'],
  },
  {
    collection: 'jobs',
    name: 'qp_pending_line',
    keys: { pending_line: 1 },
    options: { partialFilterExpression: { pending_line: { $exists: true } } },
    serves: 'the sweep: lines about lost attempts that a killed process did not write',
  },
  {
    collection: 'jobs',
    name: 'qp_lost_holders',
    keys: { lost_holders: 1 },
    options: {
      partialFilterExpression: { 'result_data.job_state': 'waiting', lost_holders: { $exists: true } },
    },
    serves: 'the sweep: waiting jobs that the agents that lost them may not claim yet',
  },
];
