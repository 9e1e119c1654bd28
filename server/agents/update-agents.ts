import type { AnyBulkWriteOperation, Collection, UpdateFilter } from 'mongodb';
import { findBatch } from '../db/batched-reads.js';
import { countMatched, groupByChange, readOutcomes, type WriteOutcome } from '../db/batched-writes.js';
import type { AgentRecord } from '../leases/collections.js';

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
  const [outcomes, seen] = await Promise.all([
    writeAll(agents, changes),
    findBatch(agents, 'name', { projection })(changes.map(({ name }) => name)),
  ]);
  return changes.map((_, i) => outcomes[i] ?? seen[i] ?? null);
}

/** Changes that are alike, such as the state of an agent that waits, are one statement. */
async function writeAll(
  agents: Collection<AgentRecord>,
  changes: readonly AgentChange[],
): Promise<readonly WriteOutcome[]> {
  const groups = groupByChange(changes, { keyOf: ({ name }) => name, changeOf: ({ update }) => update });
  // A line of a log that is added twice would be there twice.
  const mayBeRepeated = changes.every(({ update }) => update.$push === undefined);
  if (mayBeRepeated && groups.length < changes.length) {
    const statements = groups.map((group): AnyBulkWriteOperation<AgentRecord> => {
      const names = group.map(({ name }) => name);
      return { updateMany: { filter: { name: { $in: names } }, update: (group[0] as AgentChange).update } };
    });
    const write = () => agents.bulkWrite(statements, { ordered: false });
    if ((await countMatched(write, groups.length)) === changes.length) return changes.map(() => undefined);
  }
  // Some have no record yet, which only a statement of their own makes.
  const single = changes.map(
    ({ name, update }): AnyBulkWriteOperation<AgentRecord> => ({
      updateOne: { filter: { name }, update, upsert: true },
    }),
  );
  return readOutcomes(agents.bulkWrite(single, { ordered: false }), changes.length);
}
