import type { Collection } from 'mongodb';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import type { DutyLockRecord } from './collections.js';
import type { PeriodicServices } from './services.js';

/**
 * Takes or renews the lock of a duty for `ms` milliseconds, by the database's clock, with one statement. A lock that
 * another process holds is not changed.
 * @param holder the id of this process
 * @returns the database's time, or `undefined` while another process holds the lock
 */
export async function takeDutyLock(
  { collections, clock }: Pick<Core, 'clock'> & Pick<PeriodicServices, 'collections'>,
  name: string,
  holder: string,
  ms: number,
): Promise<Date | undefined> {
  const now = clock.inDatabase;
  // A new lock has no `until`, and MongoDB orders a missing value before every date.
  const isAvailable = { $or: [{ $eq: ['$holder', holder] }, { $lte: ['$until', now] }] };
  const ifAvailable = (taken: unknown, kept: string) => ({ $cond: [isAvailable, taken, kept] });
  const taken = {
    holder: ifAvailable(holder, '$holder'),
    at: ifAvailable(now, '$at'),
    until: ifAvailable({ $add: [now, ms] }, '$until'),
  };
  try {
    const lock = await collections.locks.findOneAndUpdate({ _id: name }, [{ $set: taken }], {
      upsert: true,
      returnDocument: 'after',
    });
    return lock?.holder === holder ? lock.at : undefined;
  } catch (error) {
    // Another process created the lock at the same moment.
    if (isDuplicateKey(error)) return undefined;
    throw error;
  }
}

/** Releases a lock, so that another process need not wait until it expires. */
export async function releaseDutyLock(
  locks: Collection<DutyLockRecord>,
  name: string,
  holder: string,
): Promise<void> {
  await locks.deleteOne({ _id: name, holder });
}
