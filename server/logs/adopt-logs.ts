import type { Collection, ObjectId } from 'mongodb';
import type { AdoptionStep, Survey } from '../core/adoption.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { dropReplacedIndexes } from '../db/indexes.js';
import { logCollections, logIndexes } from './collections.js';

const batchSize = 1000;
const duplicateKey = 11000;

/** Matches log fragments that another server stored and that are not marked yet. */
const fragmentsNotAdopted = { live: { $exists: false }, repeated: { $exists: false } } as const;

const indexRows = logIndexes.map((row) => ({ ...row, collectionName: logCollections[row.collection] }));

/**
 * Marks the log fragments that another server stored: the first fragment of each phase and number as `live`, and every
 * further one as `repeated`. The unique index covers only live fragments. Can be interrupted and run again.
 * @returns how many fragments were marked `live`, and how many `repeated`
 */
async function adoptLogs(logs: Collection): Promise<{ live: number; repeated: number }> {
  const sum = { live: await restoreRepeated(logs), repeated: 0 };
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

/**
 * Marks as `live` the fragments that an earlier version marked as `repeated` because a fragment of another phase had
 * their number. Returns how many it marked.
 */
async function restoreRepeated(logs: Collection): Promise<number> {
  let restored = 0;
  for (let after: ObjectId | undefined; ; ) {
    const batch = await logs
      .find({ repeated: true, ...(after && { _id: { $gt: after } }) }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(batchSize)
      .toArray();
    if (batch.length === 0) return restored;
    const ids = batch.map(({ _id }) => _id as ObjectId);
    restored += ids.length - (await markLive(logs, ids)).length;
    after = ids.at(-1);
  }
}

/** Marks fragments as `live`, and returns the ids of those whose phase and number already have a live fragment. */
async function markLive(logs: Collection, ids: ObjectId[]): Promise<ObjectId[]> {
  const update = { $set: { live: true }, $unset: { repeated: true as const } };
  const writes = ids.map((_id) => ({ updateOne: { filter: { _id }, update } }));
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
  async run(db) {
    // The index of an earlier version would refuse fragments of two phases with one number.
    await dropReplacedIndexes(db, indexRows);
    return adoptLogs(db.collection('logs'));
  },
  present: ({ live, repeated }) => `log fragments: ${live} adopted, ${repeated} stored twice`,
  hasChanged: ({ live, repeated }) => live + repeated > 0,
};
