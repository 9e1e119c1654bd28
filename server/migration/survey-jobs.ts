import type { Db } from 'mongodb';
import { notAdopted } from './adopt-jobs.js';
import { fragmentsNotAdopted } from './adopt-logs.js';
import type { Survey } from './finding.js';

/** Ids told by name, of a longer list. */
const toldAtMost = 10;

/** Jobs to be adopted, ids that exist twice, and documents that are no jobs. */
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
  const more = ids.length - toldAtMost;
  return ids.slice(0, toldAtMost).join(', ') + (more > 0 ? ` and ${more} more` : '');
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
