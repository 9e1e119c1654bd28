import type { Collection, Db, ObjectId, WithId } from 'mongodb';
import type { AdoptionStep, Survey } from '../core/adoption.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { containsLong } from '../schema/long.js';
import { findForms } from './find-job.js';
import { readOtherCanonicalId } from './job-id.js';
import type { JobRecord } from './job-record.js';

/** The counts of one adoption. */
export interface Adopted {
  /** Documents that were marked as the live one of their id. */
  live: number;
  /** Documents of an id that has a newer one. They keep their data and are never handed out. */
  superseded: number;
}

/** Documents per batch: few enough that concurrent readers notice no delay. */
const batchSize = 1000;

type Jobs = Collection<JobRecord>;
type Found = WithId<Pick<JobRecord, 'job_id' | 'created_at' | 'live'>>;

/** Jobs that another server stored and that no adoption has marked. */
const notAdopted = { live: { $exists: false }, superseded: { $exists: false } } as const;

/**
 * Marks the newest document of each job id as live and its other documents as superseded. Deletes nothing. It can be
 * interrupted and run again, also while another server stores jobs.
 * @param report called after each batch with the number of documents examined so far
 */
export async function adoptJobs(
  jobs: Jobs,
  report: (examined: number) => void = () => undefined,
): Promise<Adopted> {
  const sum: Adopted = { live: 0, superseded: 0 };
  let after: ObjectId | undefined;
  for (let examined = 0; ; report(examined)) {
    const filter = { ...notAdopted, ...(after && { _id: { $gt: after } }) };
    const batch = await jobs
      .find(filter as object, { projection: { job_id: 1 } })
      .sort({ _id: 1 })
      .limit(batchSize)
      .toArray();
    if (batch.length === 0) return sum;
    after = batch.at(-1)?._id;
    examined += batch.length;
    const adopted = await adoptIds(jobs, [...new Set(batch.map((job) => job.job_id))]);
    sum.live += adopted.live;
    sum.superseded += adopted.superseded;
  }
}

/** Marks the documents of some ids, each in its stored form. */
async function adoptIds(jobs: Jobs, jobIds: readonly string[]): Promise<Adopted> {
  const found = await jobs
    .find({ job_id: { $in: [...jobIds] } }, { projection: { job_id: 1, created_at: 1, live: 1 } })
    .sort({ job_id: 1, created_at: -1, _id: -1 })
    .toArray();
  const byId = new Map<string, Found[]>();
  for (const job of found) byId.set(job.job_id, [...(byId.get(job.job_id) ?? []), job]);
  const sum: Adopted = { live: 0, superseded: 0 };
  const writes = [...byId.values()].flatMap(([newest, ...older]) => {
    sum.live += newest?.live ? 0 : 1;
    sum.superseded += older.length;
    return markDocuments(newest, older);
  });
  await writeMarks(jobs, writes);
  return sum;
}

/**
 * Marks the documents of one id, which may be stored in several forms of it. Those in another form than the canonical one
 * must have `canonical_id`.
 */
export async function adoptForms(jobs: Jobs, canonicalId: string): Promise<void> {
  const found = await findForms<Found>(jobs, canonicalId, { job_id: 1, created_at: 1, live: 1 });
  const [newest, ...older] = found;
  await writeMarks(jobs, markDocuments(newest, older));
}

/** Older documents come first: the unique index allows only one live document per id. */
function markDocuments(newest: Found | undefined, older: readonly Found[]): object[] {
  return [
    ...older.map(({ _id }) => mark(_id, { $set: { superseded: true }, $unset: { live: true } })),
    ...(newest && !newest.live ? [mark(newest._id, { $set: { live: true } })] : []),
  ];
}

async function writeMarks(jobs: Jobs, writes: readonly object[]): Promise<void> {
  if (writes.length > 0) await jobs.bulkWrite(writes as never, { ordered: true }).catch(ignoreDuplicate);
}

function mark(_id: ObjectId, update: object): object {
  return { updateOne: { filter: { _id }, update } };
}

/** A duplicate key means that another process stored a newer document of the id, which is already live. */
function ignoreDuplicate(error: unknown): void {
  if (!isDuplicateKey(error)) throw error;
}

/** Matches jobs whose id is not in canonical form, and which may have one. */
const notCanonical = {
  job_id: { $type: 'string', $not: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ },
  canonical_id: { $exists: false },
} as const;

/**
 * Adds `canonical_id` to jobs whose id has a canonical form that differs, so that requests find them. Of several forms of one
 * id, the newest document stays live.
 */
async function addCanonicalIds(jobs: Jobs): Promise<number> {
  let added = 0;
  for await (const { _id, job_id: stored } of jobs.find(notCanonical as object, {
    projection: { job_id: 1 },
  })) {
    const canonical_id = readOtherCanonicalId(stored);
    if (canonical_id === undefined) continue;
    await jobs.updateOne({ _id }, { $set: { canonical_id } });
    await adoptForms(jobs, canonical_id);
    added += 1;
  }
  return added;
}

/** Counts the jobs whose id has a canonical form that differs. */
async function countNotCanonical(jobs: Collection): Promise<number> {
  let count = 0;
  const { canonical_id: _added, ...filter } = notCanonical;
  for await (const { job_id: stored } of jobs.find(filter as object, { projection: { job_id: 1 } }))
    if (readOtherCanonicalId(stored) !== undefined) count += 1;
  return count;
}

/** Makes jobs findable whose id a Testflinger server stored in another form. */
export const jobIdAdoption: AdoptionStep<{ canonical: number }> = {
  name: 'jobIds',
  run: async (db) => ({ canonical: await addCanonicalIds(db.collection('jobs')) }),
  present: ({ canonical }) => `job ids: ${canonical} are not in canonical form, and can be found now`,
  hasChanged: ({ canonical }) => canonical > 0,
};

/** How many ids a message lists. */
const maxListedIds = 10;

/**
 * Counts the jobs to adopt and the documents that are not valid jobs, and lists the ids that are stored more than once.
 */
export const surveyJobs: Survey = async (db) => {
  const jobs = db.collection('jobs');
  const unmarked = await jobs.countDocuments(notAdopted);
  const broken = await jobs.countDocuments({
    $or: [
      { job_id: { $not: { $type: 'string' } } },
      { created_at: { $not: { $type: 'date' } } },
      { 'job_data.job_queue': { $not: { $type: 'string' } } },
    ],
  });
  const duplicates = await findDuplicateIds(db);
  const long = await countLongNumbers(db);
  const odd = await countNotCanonical(jobs);
  return {
    changes:
      unmarked > 0 ? [`${unmarked} would be marked as the live document of their id, or as superseded`] : [],
    problems:
      broken > 0 ? [`${broken} have no valid job_id, created_at or queue, and are never handed out`] : [],
    notes: [
      ...(duplicates.length > 0
        ? [`ids stored more than once, whose newest document is used: ${presentIds(duplicates)}`]
        : []),
      ...(long > 0
        ? [`${long} have integers of more than 53 bits, which are kept and returned with all their digits`]
        : []),
      ...(odd > 0 ? [`${odd} have an id that is not in canonical form, and keep it`] : []),
    ],
  };
};

/** Counts the jobs with a 64-bit integer in their data or priority: MongoDB cannot search all fields, so each is read. */
async function countLongNumbers(db: Db): Promise<number> {
  let count = 0;
  const jobs = db
    .collection('jobs')
    .find({}, { projection: { _id: 0, job_data: 1, result_data: 1, job_priority: 1 } });
  for await (const job of jobs) count += containsLong(job) ? 1 : 0;
  return count;
}

async function findDuplicateIds(db: Db): Promise<string[]> {
  const groups = await db
    .collection('jobs')
    .aggregate<{ _id: string }>(
      [
        { $group: { _id: '$job_id', count: { $sum: 1 } } },
        { $match: { count: { $gt: 1 } } },
        { $sort: { _id: 1 } },
      ],
      { allowDiskUse: true },
    )
    .toArray();
  return groups.map(({ _id }) => String(_id));
}

function presentIds(ids: readonly string[]): string {
  const more = ids.length - maxListedIds;
  return ids.slice(0, maxListedIds).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Adopts the jobs of an existing database. */
export const jobAdoption: AdoptionStep<Adopted> = {
  name: 'jobs',
  run: (db, report) => adoptJobs(db.collection('jobs'), (examined) => report(`${examined} jobs examined`)),
  present: ({ live, superseded }) =>
    `jobs: ${live} adopted, ${superseded} superseded by a newer document of their id`,
  hasChanged: ({ live, superseded }) => live + superseded > 0,
};
