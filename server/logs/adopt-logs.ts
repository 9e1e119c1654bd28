import type { Collection, ObjectId } from 'mongodb';
import type { AdoptionStep, Survey } from '../core/adoption.js';
import { isDuplicateKey } from '../db/classify-error.js';

const batchSize = 1000;
const duplicateKey = 11000;

/** Matches log fragments that another server stored and that are not marked yet. */
const fragmentsNotAdopted = { live: { $exists: false }, repeated: { $exists: false } } as const;

/**
 * Marks the log fragments that another server stored: the first fragment of each number as `live`, and every further
 * one as `repeated`. The unique index covers only live fragments. Can be interrupted and run again.
 * @returns how many fragments were marked `live`, and how many `repeated`
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

/** Marks fragments as `live`, and returns the ids of those whose number already has a live fragment. */
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

/** Counts the log fragments that have to be adopted. */
export const surveyLogs: Survey = async (db) => {
  const unmarked = await db.collection('logs').countDocuments(fragmentsNotAdopted);
  return {
    changes: unmarked > 0 ? [`${unmarked} log fragments would be marked as live or as repeated`] : [],
    problems: [],
    notes: [],
  };
};

/** Marks the log fragments of an existing database. */
export const logAdoption: AdoptionStep<{ live: number; repeated: number }> = {
  name: 'logs',
  run: (db) => adoptLogs(db.collection('logs')),
  present: ({ live, repeated }) => `log fragments: ${live} adopted, ${repeated} stored twice`,
  hasChanged: ({ live, repeated }) => live + repeated > 0,
};
