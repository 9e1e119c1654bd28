import {
  type AnyBulkWriteOperation,
  type Collection,
  type Document,
  type Filter,
  MongoBulkWriteError,
  MongoServerError,
  type OptionalUnlessRequiredId,
} from 'mongodb';

/** What became of one write of several: its own error, or none. */
export type WriteOutcome = MongoServerError | undefined;

/** Stores documents in their order with one command: `run` of a batcher. */
export async function insertTogether<T extends Document>(
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

/** An update of the one document that its filter finds, if any. To run it twice must be the same as once. */
export interface GuardedUpdate<T extends Document> {
  filter: Filter<T>;
  /** The stages of a pipeline. */
  update: Document[];
}

/**
 * Runs guarded updates in their order with one command, and tells of each whether it found its document: `run` of a
 * batcher. MongoDB tells only how many did; where that is not all of them, each is run again by itself.
 */
export async function updateTogether<T extends Document>(
  collection: Collection<T>,
  updates: readonly GuardedUpdate<T>[],
): Promise<readonly (boolean | Error)[]> {
  const [first] = updates;
  if (updates.length === 1 && first !== undefined) return [await updateAlone(collection, first)];
  const operations = updates.map((updateOne) => ({ updateOne }) as AnyBulkWriteOperation<T>);
  let matched = 0;
  const command = collection.bulkWrite(operations, { ordered: false }).then(
    (result) => void (matched = result.matchedCount),
    (error: unknown) => {
      if (error instanceof MongoBulkWriteError) matched = error.matchedCount;
      throw error;
    },
  );
  const outcomes = await readOutcomes(command, updates.length);
  const isEachTold = matched === outcomes.filter((error) => error === undefined).length;
  if (isEachTold) return outcomes.map((error) => error ?? true);
  return Promise.all(
    updates.map((update) => updateAlone(collection, update).catch((error: unknown) => error as Error)),
  );
}

async function updateAlone<T extends Document>(
  collection: Collection<T>,
  { filter, update }: GuardedUpdate<T>,
): Promise<boolean> {
  return (await collection.updateOne(filter, update)).matchedCount === 1;
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
