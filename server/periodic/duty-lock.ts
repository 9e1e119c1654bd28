import type { Collection } from 'mongodb';
import { isDuplicateKey } from '../db/classify-error.js';
import type { DutyLockRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';

/**
 * Takes or keeps the lock of a duty for `ms` milliseconds, by the database's time.
 * @param holder names this process
 * @returns the database's time, or `undefined` while another process holds the lock
 */
export async function takeDutyLock(
  { collections, clock }: Deps,
  name: string,
  holder: string,
  ms: number,
): Promise<Date | undefined> {
  const now = clock.inDatabase;
  const free = { $or: [{ $eq: ['$holder', holder] }, { $lte: ['$until', now] }] };
  try {
    const lock = await collections.locks.findOneAndUpdate(
      { _id: name, $expr: free } as object,
      [{ $set: { holder, at: now, until: { $add: [now, ms] } } }],
      { upsert: true, returnDocument: 'after' },
    );
    return lock?.at;
  } catch (error) {
    // The upsert met the lock that the filter passed over: another process holds it.
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
