import type { Collection, ObjectId } from 'mongodb';
import type { AdoptionStep, Survey } from '../core/adoption.js';
import { isDuplicateKey } from '../db/classify-error.js';

const batchSize = 1000;
const duplicateKey = 11000;

/** Fragments of logs that another server stored and that were not looked at yet. */
const fragmentsNotAdopted = { live: { $exists: false }, repeated: { $exists: false } } as const;

/**
 * Marks each fragment of a log that another server stored as the one of its number; a fragment that was stored twice is
 * marked `repeated`, and is not read. Can be cut short and run again.
 * @returns how many were marked, and how many of these are repeats
 */
async function adoptLogs(logs: Collection): Promise<{ live: number; repeated: number }> {
  const sum = { live: 0, repeated: 0 };
  for (;;) {
    const batch = await logs
      .find(fragmentsNotAdopted, { projection: { _id: 1 } })
      .limit(batchSize)
      .toArray();
    if (batch.length === 0) return sum;
    const ids = batch.map(({ _id }) => _id as ObjectId);
    const repeats = await markLive(logs, ids);
    sum.live += ids.length - repeats.length;
    sum.repeated += repeats.length;
    if (repeats.length > 0) await logs.updateMany({ _id: { $in: repeats } }, { $set: { repeated: true } });
  }
}

/** The ids of those that are repeats of a fragment that is live already. */
async function markLive(logs: Collection, ids: ObjectId[]): Promise<ObjectId[]> {
  const writes = ids.map((_id) => ({ updateOne: { filter: { _id }, update: { $set: { live: true } } } }));
  try {
    await logs.bulkWrite(writes, { ordered: false });
    return [];
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    const { writeErrors } = error as unknown as { writeErrors: { code: number; index: number } | object[] };
    const failed = [writeErrors].flat() as { code: number; index: number }[];
    if (failed.some(({ code }) => code !== duplicateKey)) throw error;
    return failed.map(({ index }) => ids[index] as ObjectId);
  }
}

/** Fragments of logs to be adopted. */
export const surveyLogs: Survey = async (db) => {
  const waiting = await db.collection('logs').countDocuments(fragmentsNotAdopted);
  return {
    changes:
      waiting > 0 ? [`${waiting} fragments would be marked as the one of their number, or as repeated`] : [],
    problems: [],
    notes: [],
  };
};

/** Marks the fragments of an existing database. */
export const logAdoption: AdoptionStep<{ live: number; repeated: number }> = {
  name: 'logs',
  run: (db) => adoptLogs(db.collection('logs')),
  present: ({ live, repeated }) => `log fragments: ${live} adopted, ${repeated} stored twice`,
  hasChanged: ({ live, repeated }) => live + repeated > 0,
};
