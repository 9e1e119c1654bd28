import type { AnyBulkWriteOperation, Collection, UpdateFilter } from 'mongodb';
import { findTogether } from '../db/batched-reads.js';
import { readOutcomes } from '../db/batched-writes.js';
import type { AgentRecord } from '../db/collections.js';

/** What is changed of an agent's record, which is made where there is none. */
export interface AgentChange {
  name: string;
  update: UpdateFilter<AgentRecord>;
}

/** What the record held of these while it was changed, `null` where there was none; a change may name the job itself. */
export type AgentSeen = Pick<AgentRecord, 'name' | 'bound_to' | 'job_id'> | null;

const projection = { name: 1, bound_to: 1, job_id: 1 };

/**
 * Changes records of agents with one command: `run` of a batcher. Several are read beside it, since MongoDB tells only of
 * one what it was before; no change touches to whom a name is bound, so that before and after are the same.
 */
export async function updateAgents(
  agents: Collection<AgentRecord>,
  changes: readonly AgentChange[],
): Promise<readonly (AgentSeen | Error)[]> {
  const [first] = changes;
  if (changes.length === 1 && first !== undefined) {
    return [await agents.findOneAndUpdate({ name: first.name }, first.update, { upsert: true, projection })];
  }
  const operations = changes.map(
    ({ name, update }): AnyBulkWriteOperation<AgentRecord> => ({
      updateOne: { filter: { name }, update, upsert: true },
    }),
  );
  const command = agents.bulkWrite(operations, { ordered: false });
  const [outcomes, seen] = await Promise.all([
    readOutcomes(command, changes.length),
    findTogether(agents, 'name', { projection })(changes.map(({ name }) => name)),
  ]);
  return changes.map((_, i) => outcomes[i] ?? seen[i] ?? null);
}
