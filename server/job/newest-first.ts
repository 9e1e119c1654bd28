import type { WithId } from 'mongodb';
import type { JobRecord } from './job-record.js';

type Dated = WithId<Pick<JobRecord, 'created_at'>>;

/** Returns documents of one job id, the newest first: in the order in which adoption ranks them. */
export function newestFirst<T extends Dated>(documents: readonly T[]): readonly T[] {
  return documents.length < 2 ? documents : [...documents].sort(compareNewest);
}

/** Compares two documents of one job id; the result is negative if `one` is the newer one. */
function compareNewest(one: Dated, other: Dated): number {
  return readTime(other) - readTime(one) || (one._id.toHexString() > other._id.toHexString() ? -1 : 1);
}

/** A document without a valid date, which only another server can store, is older than every other. */
function readTime({ created_at: createdAt }: { created_at: unknown }): number {
  return createdAt instanceof Date ? createdAt.getTime() : 0;
}
