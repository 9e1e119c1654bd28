import { type AnyBulkWriteOperation, type Collection, type Document, MongoBulkWriteError } from 'mongodb';

/** More rounds than this mean that somebody keeps removing what the others make. */
const maxRounds = 5;
const duplicateKey = 11000;

/**
 * Runs upserts of records by name in one command. Those that another request made at the same moment are run again, on
 * the record that is there then; the others are not, so that what adds to a record adds once.
 * @throws MongoBulkWriteError of any other failure
 */
export async function bulkUpsert<T extends Document>(
  collection: Collection<T>,
  operations: readonly AnyBulkWriteOperation<T>[],
): Promise<void> {
  let left = operations;
  for (let round = 1; left.length > 0; round += 1) {
    try {
      await collection.bulkWrite(left, { ordered: false });
      return;
    } catch (error) {
      left = findConflicts(error, left);
      if (left.length === 0 || round === maxRounds) throw error;
    }
  }
}

/** The operations that met a record made meanwhile; none when anything else went wrong too. */
function findConflicts<O>(error: unknown, operations: readonly O[]): O[] {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return [];
  const failures = [error.writeErrors].flat();
  if (failures.some(({ code }) => code !== duplicateKey)) return [];
  return operations.filter((_, i) => failures.some(({ index }) => index === i));
}

/** In the first stage of an update by a pipeline: marks the record when the update makes it, and else leaves its mark. */
export const liveWhenNew: Document = { $cond: [{ $eq: [{ $type: '$_id' }, 'missing'] }, true, '$live'] };
