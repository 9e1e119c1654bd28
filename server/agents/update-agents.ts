import type { AnyBulkWriteOperation, Collection, UpdateFilter } from 'mongodb';
import { findBatch } from '../db/batched-reads.js';
import { countMatched, groupByChange, readOutcomes, type WriteOutcome } from '../db/batched-writes.js';
import type { AgentRecord } from '../leases/collections.js';

/** An update of an agent's record. The record is created if it does not exist. */
export interface AgentChange {
  name: string;
  update: UpdateFilter<AgentRecord>;
}

/**
 * Fields of an agent's record before the change, `null` if there was no record. With several changes at once, `job_id`
 * may be from after the change.
 */
export type PreviousAgent = Pick<AgentRecord, 'name' | 'bound_to' | 'job_id'> | null;

const projection = { name: 1, bound_to: 1, job_id: 1 };

/**
 * Applies changes to agents' records with one command; it is the `run` function of a batcher. MongoDB returns the
 * earlier record only for a single change, so several are read in parallel with the write. No change affects
 * `bound_to`, so its value is the same before and after.
 */
export async function updateAgents(
  agents: Collection<AgentRecord>,
  changes: readonly AgentChange[],
): Promise<readonly (PreviousAgent | Error)[]> {
  const [first] = changes;
  if (changes.length === 1 && first !== undefined) {
    return [await agents.findOneAndUpdate({ name: first.name }, first.update, { upsert: true, projection })];
  }
  const [outcomes, previous] = await Promise.all([
    writeAll(agents, changes),
    findBatch(agents, 'name', { projection })(changes.map(({ name }) => name)),
  ]);
  return changes.map((_, i) => outcomes[i] ?? previous[i] ?? null);
}

/** Writes all changes, and combines equal ones, such as the state of waiting agents, into one statement. */
async function writeAll(
  agents: Collection<AgentRecord>,
  changes: readonly AgentChange[],
): Promise<readonly WriteOutcome[]> {
  const groups = groupByChange(changes, { keyOf: ({ name }) => name, changeOf: ({ update }) => update });
  // A repeated `$push` would add a log line twice.
  const isIdempotent = changes.every(({ update }) => update.$push === undefined);
  if (isIdempotent && groups.length < changes.length) {
    const statements = groups.map((group): AnyBulkWriteOperation<AgentRecord> => {
      const names = group.map(({ name }) => name);
      return { updateMany: { filter: { name: { $in: names } }, update: (group[0] as AgentChange).update } };
    });
    const write = () => agents.bulkWrite(statements, { ordered: false });
    if ((await countMatched(write, groups.length)) === changes.length) return changes.map(() => undefined);
  }
  // Some agents have no record yet, and only an upsert of their own creates it.
  const single = changes.map(
    ({ name, update }): AnyBulkWriteOperation<AgentRecord> => ({
      updateOne: { filter: { name }, update, upsert: true },
    }),
  );
  return readOutcomes(agents.bulkWrite(single, { ordered: false }), changes.length);
}
