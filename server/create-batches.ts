import type { Filter } from 'mongodb';
import { type AgentChange, type AgentSeen, updateAgents } from './agents/update-agents.js';
import { findTogether } from './db/batched-reads.js';
import { insertTogether } from './db/batched-writes.js';
import { Batcher, type BatcherOptions } from './db/batcher.js';
import type {
  AgentRecord,
  ClientKey,
  ClientRecord,
  JobRecord,
  LogRecord,
  RefreshToken,
  RestrictedQueue,
} from './db/collections.js';
import { SharedCounts } from './db/shared-counts.js';
import type { Deps } from './deps.js';
import { cutLeasesOf } from './leases/cut-leases.js';
import { type HeldJob, heldFields } from './leases/held-job.js';
import { type HolderUpdate, updateHeldJobs } from './leases/update-held-jobs.js';

/** The small reads and writes that travel together where many wait at the same moment, each kind with its own. */
export type Batches = ReturnType<typeof createBatches>;

/**
 * Makes a batcher for each kind.
 * @param isOff each goes by itself, for the benchmarks
 */
export function createBatches(deps: Pick<Deps, 'collections' | 'clock' | 'config'>, isOff = false) {
  const { collections } = deps;
  const { clients, clientKeys, restrictedQueues, refreshTokens, jobs, logs, agents } = collections;
  const counts = new SharedCounts(jobs);
  const batchers: { settle(): Promise<void> }[] = [counts];
  function together<Item, Outcome>(run: BatcherOptions<Item, Outcome>['run']) {
    const batcher = new Batcher<Item, Outcome>({ run, isOff });
    batchers.push(batcher);
    return (item: Item, bytes?: number): Promise<Outcome> => batcher.add(item, bytes);
  }
  const ofAgent = { projection: { log: 0, recent_provisions: 0 } } as const;
  const ofHeldJob = { projection: heldFields, sort: { created_at: -1 } } as const;
  return {
    findClient: together<string, ClientRecord | undefined>(findTogether(clients, 'client_id')),
    findClientKey: together<string, ClientKey | undefined>(findTogether(clientKeys, 'key_id')),
    findRestriction: together<string, RestrictedQueue | undefined>(
      findTogether(restrictedQueues, 'queue_name'),
    ),
    /** Without its log. */
    findAgent: together<string, AgentRecord | undefined>(findTogether(agents, 'name', ofAgent)),
    findHeldJob: together<string, HeldJob | undefined>(findTogether(jobs, 'job_id', ofHeldJob)),
    countJobs: (filter: Filter<JobRecord>) => (isOff ? jobs.countDocuments(filter) : counts.count(filter)),
    insertRefreshToken: together<RefreshToken, void>((made) => insertTogether(refreshTokens, made)),
    insertJob: together<JobRecord, void>((made) => insertTogether(jobs, made)),
    insertLogPiece: together<LogRecord, void>((made) => insertTogether(logs, made)),
    /** Tells whether the job was found. */
    updateHeldJob: together<HolderUpdate, boolean>((updates) => updateHeldJobs(jobs, updates)),
    /** Of an agent that asks for another job. */
    cutLeases: together<string, void>((names) => cutLeasesOf(deps, names)),
    updateAgent: together<AgentChange, AgentSeen>((changes) => updateAgents(agents, changes)),
    /** Waits until all of them have ended. */
    async settle(): Promise<void> {
      await Promise.all(batchers.map((batcher) => batcher.settle()));
    },
  };
}
