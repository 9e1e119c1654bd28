import type { AnyBulkWriteOperation, Collection, UpdateFilter, WithId } from 'mongodb';
import { countMatched, groupByChange, readOutcomes } from '../db/batched-writes.js';
import type { AgentRecord } from '../leases/collections.js';
import type { HolderRecord, LeaseServices } from '../leases/services.js';
import { addMark } from './write-marks.js';

/** An update of an agent's record. The record is created if it does not exist. */
export interface AgentChange {
  name: string;
  update: UpdateFilter<AgentRecord>;
  /** The record before the update, if it is known: then it is not read. */
  remembered?: HolderRecord | undefined;
}

/** The outcome of an update. */
export interface AgentUpdate {
  /** The mark of the write. */
  mark: string;
  /**
   * Fields of the record after the update; with several changes at once, from before or after it, and `undefined` if there
   * was no record.
   */
  fields: HolderRecord | undefined;
  /** The record after this update, without its log; absent with several changes at once. */
  record?: WithId<AgentRecord>;
}

/** The projection of a record without the fields that only grow with its reports. */
export const withoutLog = { log: 0, recent_provisions: 0 } as const;

/**
 * Applies changes to agents' records with one command; it is the `run` function of a batcher. MongoDB returns the
 * record only for a single change, so several are read in parallel with the write. No change affects `bound_to`, so its
 * value is the same before and after.
 */
export async function updateAgents(
  { collections: { agents }, findHolder }: Pick<LeaseServices, 'collections' | 'findHolder'>,
  createMark: () => string,
  changes: readonly AgentChange[],
): Promise<readonly (AgentUpdate | Error)[]> {
  const [first] = changes;
  if (changes.length === 1 && first !== undefined) {
    const mark = createMark();
    const record = (await agents.findOneAndUpdate({ name: first.name }, addMark(first.update, mark), {
      upsert: true,
      returnDocument: 'after',
      projection: withoutLog,
    })) as WithId<AgentRecord>;
    return [{ mark, fields: record, record }];
  }
  const [outcomes, previous] = await Promise.all([
    writeAll(agents, createMark, changes),
    Promise.all(changes.map(async ({ name, remembered }) => remembered ?? findHolder(name))),
  ]);
  return outcomes.map((outcome, i) =>
    typeof outcome === 'string' ? { mark: outcome, fields: previous[i] } : outcome,
  );
}

/**
 * Writes all changes, and combines equal ones, such as the state of waiting agents, into one statement. Returns the mark of
 * each change, or its error.
 *
 * Each statement has a mark of its own, and a new one if it runs again: a record with a mark must contain the whole change
 * that was acknowledged with it, and nothing that was written before may come after it.
 */
async function writeAll(
  agents: Collection<AgentRecord>,
  createMark: () => string,
  changes: readonly AgentChange[],
): Promise<readonly (string | Error)[]> {
  const groups = groupByChange(changes, { keyOf: ({ name }) => name, changeOf: ({ update }) => update });
  // A repeated `$push` would add a log line twice.
  const isIdempotent = changes.every(({ update }) => update.$push === undefined);
  if (isIdempotent && groups.length < changes.length) {
    const marks = new Map<AgentChange, string>();
    const write = () =>
      agents.bulkWrite(
        groups.map((group) => makeGroupStatement(group, createMark(), marks)),
        { ordered: false },
      );
    if ((await countMatched(write, groups.length)) === changes.length)
      return changes.map((change) => marks.get(change) as string);
  }
  // Some agents have no record yet, and only an upsert of their own creates it.
  const marks = changes.map(createMark);
  const single = changes.map(
    ({ name, update }, i): AnyBulkWriteOperation<AgentRecord> => ({
      updateOne: { filter: { name }, update: addMark(update, marks[i] as string), upsert: true },
    }),
  );
  const outcomes = await readOutcomes(agents.bulkWrite(single, { ordered: false }), changes.length);
  return marks.map((mark, i) => outcomes[i] ?? mark);
}

/** Makes the statement of equal changes, and notes their mark. */
function makeGroupStatement(
  group: readonly AgentChange[],
  mark: string,
  marks: Map<AgentChange, string>,
): AnyBulkWriteOperation<AgentRecord> {
  for (const change of group) marks.set(change, mark);
  const { update } = group[0] as AgentChange;
  const names = group.map(({ name }) => name);
  return { updateMany: { filter: { name: { $in: names } }, update: addMark(update, mark) } };
}
