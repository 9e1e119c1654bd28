import { type AnyBulkWriteOperation, type Collection, type Document, MongoBulkWriteError } from 'mongodb';

/** More rounds are needed only if someone keeps removing the records that others create. */
const maxRounds = 5;
const duplicateKey = 11000;

/**
 * Upserts records by name in one command. If another request created a record at the same moment, its operation runs
 * again and updates that record. Operations that succeeded are not repeated, so that an increment is applied once.
 * @throws MongoBulkWriteError for any other failure
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

/** Returns the operations whose record another request created meanwhile; none if anything else failed too. */
function findConflicts<O>(error: unknown, operations: readonly O[]): O[] {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return [];
  const failures = [error.writeErrors].flat();
  if (failures.some(({ code }) => code !== duplicateKey)) return [];
  return operations.filter((_, i) => failures.some(({ index }) => index === i));
}

/**
 * For the first stage of a pipeline update: the value of `live`, `true` if the update creates the record, else
 * unchanged.
 */
export const liveWhenNew: Document = { $cond: [{ $eq: [{ $type: '$_id' }, 'missing'] }, true, '$live'] };
