import type { Collection } from 'mongodb';
import { isDuplicateKey } from '../db/classify-error.js';
import type { DutyLockRecord } from './collections.js';
import type { Core } from '../core/core.js';
import type { PeriodicServices } from './services.js';

/**
 * Takes or keeps the lock of a duty for `ms` milliseconds, by the database's time. One statement; a lock that another
 * process holds stays as it is.
 * @param holder names this process
 * @returns the database's time, or `undefined` while another process holds the lock
 */
export async function takeDutyLock(
  { collections, clock }: Pick<Core, 'clock'> & Pick<PeriodicServices, 'collections'>,
  name: string,
  holder: string,
  ms: number,
): Promise<Date | undefined> {
  const now = clock.inDatabase;
  // A lock that is not there yet has no end, which is before every time.
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
    // Two processes made the lock at once, and the other was first.
    if (isDuplicateKey(error)) return undefined;
    throw error;
  }
}

/** Lets a lock go, so that another process need not wait for its end. */
export async function releaseDutyLock(
  locks: Collection<DutyLockRecord>,
  name: string,
  holder: string,
): Promise<void> {
  await locks.deleteOne({ _id: name, holder });
}
