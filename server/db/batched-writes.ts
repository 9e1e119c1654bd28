import {
  BSON,
  type Collection,
  type Document,
  MongoBulkWriteError,
  MongoServerError,
  type OptionalUnlessRequiredId,
} from 'mongodb';
import { isRetryable } from './classify-error.js';

const { EJSON } = BSON;

/** What became of one write of several: its own error, or none. */
export type WriteOutcome = MongoServerError | undefined;

/** Stores documents in their order with one command: `run` of a batcher. */
export async function insertBatch<T extends Document>(
  collection: Collection<T>,
  documents: readonly T[],
): Promise<readonly WriteOutcome[]> {
  const [first, ...others] = documents as readonly OptionalUnlessRequiredId<T>[];
  if (first === undefined) return [];
  if (others.length > 0) {
    return readOutcomes(collection.insertMany([first, ...others], { ordered: false }), documents.length);
  }
  await collection.insertOne(first);
  return [undefined];
}

/**
 * Puts together what is changed in the same way, each document at most once in a group. Groups of second changes to a
 * document come after all groups of first ones, and so on: one after the other they keep the order for each document.
 */
export function groupByChange<T>(
  changes: readonly T[],
  { keyOf, changeOf }: { keyOf(change: T): string; changeOf(change: T): unknown },
): T[][] {
  const times = new Map<string, number>();
  const groupsByTime: Map<string, T[]>[] = [];
  for (const change of changes) {
    const key = keyOf(change);
    const time = times.get(key) ?? 0;
    times.set(key, time + 1);
    const groups = (groupsByTime[time] ??= new Map());
    // Exactly: in JSON an infinite number is the same as none.
    const alike = EJSON.stringify(changeOf(change), { relaxed: false });
    const group = groups.get(alike);
    if (group === undefined) groups.set(alike, [change]);
    else group.push(change);
  }
  return groupsByTime.flatMap((groups) => [...groups.values()]);
}

/** Runs a write that may be run twice once more where a change of the primary ended it: the driver repeats no statement of many documents. */
export async function retryOnce<T>(write: () => Promise<T>): Promise<T> {
  return write().catch((error: unknown) => {
    if (isRetryable(error)) return write();
    throw error;
  });
}

/** How many documents the statements of an unordered command found, which may be run twice; 0 where any of them failed by itself. */
export async function countMatched(
  write: () => Promise<{ matchedCount: number }>,
  statements: number,
): Promise<number> {
  let matched = 0;
  const command = retryOnce(write).then((result) => void (matched = result.matchedCount));
  const outcomes = await readOutcomes(command, statements);
  return outcomes.some((error) => error !== undefined) ? 0 : matched;
}

/**
 * The outcome of each write of a command that was not ordered.
 * @throws what the command failed with when that is not about single writes, such as the want of a majority
 */
export async function readOutcomes(command: Promise<unknown>, count: number): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome>(count).fill(undefined);
  try {
    await command;
  } catch (error) {
    const failures = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
    // Without any it is another error, a cut connection say, that the driver dresses as one of this kind.
    if (failures.length === 0 || (error as MongoBulkWriteError).result.getWriteConcernError()) throw error;
    for (const { index, code, errmsg = '' } of failures)
      outcomes[index] = new MongoServerError({ errmsg, code });
  }
  return outcomes;
}
