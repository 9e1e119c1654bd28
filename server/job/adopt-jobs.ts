import type { Collection, Db, ObjectId, WithId } from 'mongodb';
import type { AdoptionStep, Survey } from '../core/adoption.js';
import type { JobRecord } from './job-record.js';
import { isDuplicateKey } from '../db/classify-error.js';

/** What an adoption found and did. */
export interface Adopted {
  /** Documents that are now the live one of their id. */
  live: number;
  /** Older documents of an id that has a newer one; they stay as they are, and are never handed out. */
  superseded: number;
}

/** Documents looked at in one step: a batch is short enough not to be noticed by those who read meanwhile. */
const batchSize = 1000;

type Jobs = Collection<JobRecord>;
type Found = Pick<WithId<JobRecord>, '_id' | 'job_id' | 'created_at'> & { live?: true };

/** Jobs that another server stored and that were not looked at yet. */
const notAdopted = { live: { $exists: false }, superseded: { $exists: false } } as const;

/**
 * Marks, of all documents of a job id, the newest as the live one and the others as superseded; nothing is deleted.
 * Can be cut short and run again, and beside a server that goes on storing jobs.
 * @param report is told after each batch how many documents were looked at so far
 */
export async function adoptJobs(
  jobs: Jobs,
  report: (looked: number) => void = () => undefined,
): Promise<Adopted> {
  const sum: Adopted = { live: 0, superseded: 0 };
  let after: ObjectId | undefined;
  for (let looked = 0; ; report(looked)) {
    const filter = { ...notAdopted, ...(after && { _id: { $gt: after } }) };
    const batch = await jobs
      .find(filter as object, { projection: { job_id: 1 } })
      .sort({ _id: 1 })
      .limit(batchSize)
      .toArray();
    if (batch.length === 0) return sum;
    after = batch.at(-1)?._id;
    looked += batch.length;
    const adopted = await adoptIds(jobs, [...new Set(batch.map((job) => job.job_id))]);
    sum.live += adopted.live;
    sum.superseded += adopted.superseded;
  }
}

/** The same for the documents of some ids. */
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
    // The older ones first: the unique index allows one live document of an id.
    return [
      ...older.map(({ _id }) => mark(_id, { $set: { superseded: true }, $unset: { live: true } })),
      ...(newest && !newest.live ? [mark(newest._id, { $set: { live: true } })] : []),
    ];
  });
  if (writes.length > 0) await jobs.bulkWrite(writes as never, { ordered: true }).catch(ignoreDuplicate);
  return sum;
}

function mark(_id: ObjectId, update: object): object {
  return { updateOne: { filter: { _id }, update } };
}

/** Somebody stored a newer document of the id meanwhile, which is live by itself. */
function ignoreDuplicate(error: unknown): void {
  if (!isDuplicateKey(error)) throw error;
}

/** Ids that are named, of a longer list. */
const maxNamedIds = 10;

/** Jobs to be adopted, ids that exist twice, and documents that are not jobs. */
export const surveyJobs: Survey = async (db) => {
  const jobs = db.collection('jobs');
  const waiting = await jobs.countDocuments(notAdopted);
  const broken = await jobs.countDocuments({
    $or: [
      { job_id: { $not: { $type: 'string' } } },
      { created_at: { $not: { $type: 'date' } } },
      { 'job_data.job_queue': { $not: { $type: 'string' } } },
    ],
  });
  const doubles = await findDoubles(db);
  return {
    changes:
      waiting > 0 ? [`${waiting} would be marked as the live document of their id, or as superseded`] : [],
    problems:
      broken > 0 ? [`${broken} lack a job_id, a created_at or a queue, and are never handed out`] : [],
    notes:
      doubles.length > 0
        ? [`ids stored more than once, of which the newest is served: ${presentIds(doubles)}`]
        : [],
  };
};

async function findDoubles(db: Db): Promise<string[]> {
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
  const more = ids.length - maxNamedIds;
  return ids.slice(0, maxNamedIds).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Marks the jobs of an existing database. */
export const jobAdoption: AdoptionStep<Adopted> = {
  name: 'jobs',
  run: (db, report) => adoptJobs(db.collection('jobs'), (looked) => report(`${looked} jobs looked at`)),
  present: ({ live, superseded }) =>
    `jobs: ${live} adopted, ${superseded} superseded by a newer document of their id`,
  hasChanged: ({ live, superseded }) => live + superseded > 0,
};
