import type { MetricsOf } from '../core/metric-registry.js';
import type { IndexHint } from '../db/index-hint.js';
import type { AgentWatch } from './agent-watch.js';
import type { AgentRecord, LeaseCollections } from './collections.js';
import type { leaseMetrics } from './metrics.js';
import type { LeaseSettings } from './settings.js';
import type { HolderUpdate } from './update-held-jobs.js';

/** The part of an agent's record that leases need. */
export type HolderRecord = Pick<AgentRecord, 'name' | 'bound_to' | 'job_id'>;

/** What leases add to the dependencies of functions. */
export interface LeaseServices {
  config: LeaseSettings;
  collections: LeaseCollections;
  metrics: MetricsOf<typeof leaseMetrics>;
  agentWatch: AgentWatch;
  /** The hints of statements that find jobs by their holders. */
  leaseHints: { holder: IndexHint; lostHolders: IndexHint };
  /** Finds who may use an agent's name, and the job that it works on. Concurrent calls share one database read. */
  findHolder(agent: string): Promise<HolderRecord | undefined>;
  /** Changes a job for its holder, together with others of the same moment. Resolves to whether the holder still held it. */
  updateHeldJob(update: HolderUpdate, bytes?: number): Promise<boolean>;
  /** Shortens the leases of an agent that asks for another job. */
  cutLeasesOf(agent: string): Promise<void>;
}
