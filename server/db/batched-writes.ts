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

/** The outcome of one write in a command of several: its own error, or `undefined` if it succeeded. */
export type WriteOutcome = MongoServerError | undefined;

/** Inserts documents with one command, in their order: a batcher's `run`. */
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
 * Groups identical changes, so that one statement can apply each group. A group contains each document at most once. All
 * groups of first changes to a document come before all groups of second changes, and so on: if the groups are applied
 * in their order, each document gets its changes in their order.
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
    // JSON would write different values alike, such as an infinite number and null.
    const text = EJSON.stringify(changeOf(change), { relaxed: false });
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [change]);
    else group.push(change);
  }
  return groupsByTime.flatMap((groups) => [...groups.values()]);
}

/**
 * Runs a write, and runs it again if a change of the primary interrupted it: the driver does not retry statements that
 * change several documents. The write must be safe to run twice.
 */
export async function retryOnce<T>(write: () => Promise<T>): Promise<T> {
  return write().catch((error: unknown) => {
    if (isRetryable(error)) return write();
    throw error;
  });
}

/**
 * Runs an unordered command, which must be safe to run twice, and returns how many documents its statements matched; 0 if
 * any statement failed by itself.
 */
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
 * Returns the outcome of each write of an unordered command.
 * @throws the command's error if it is not about single writes, such as a missing majority
 */
export async function readOutcomes(command: Promise<unknown>, count: number): Promise<WriteOutcome[]> {
  const outcomes = new Array<WriteOutcome>(count).fill(undefined);
  try {
    await command;
  } catch (error) {
    const failures = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
    // The driver also wraps other errors, such as a lost connection, as MongoBulkWriteError: these have no write errors.
    if (failures.length === 0 || (error as MongoBulkWriteError).result.getWriteConcernError()) throw error;
    for (const { index, code, errmsg = '' } of failures)
      outcomes[index] = new MongoServerError({ errmsg, code });
  }
  return outcomes;
}
