import type { Document, ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeWatch, type Patience, waitForNews } from '../hub/change-watch.js';
import type { Collections } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { endedStates } from '../job/job-state.js';
import type { LogType } from '../logs/log-fragment.js';
import { type FragmentRange, hasFragments } from '../logs/read-fragments.js';

/** Requests of this process that wait for a job's state, and for pieces of its log. */
export interface NewsOfJobs {
  states: ChangeWatch<{ documentKey: { _id: ObjectId } }>;
  logs: ChangeWatch<{ job_id?: string }>;
}

/** The name of the changed field holds a dot, so that it is no path. */
const changedState: Document = {
  $getField: { field: { $literal: 'result_data.job_state' }, input: '$updateDescription.updatedFields' },
};

/** The streams are open only while somebody waits. */
export function createNewsOfJobs(
  { jobs, logs }: Pick<Collections, 'jobs' | 'logs'>,
  log: Logger,
): NewsOfJobs {
  return {
    states: new ChangeWatch({
      name: 'states of jobs',
      collection: jobs as never,
      pipeline: [
        {
          $match: {
            $or: [
              { operationType: { $in: ['replace', 'delete'] } },
              { operationType: 'update', $expr: { $ne: [{ $type: changedState }, 'missing'] } },
              { operationType: 'update', 'updateDescription.updatedFields.result_data': { $exists: true } },
            ],
          },
        },
        { $project: { documentKey: 1 } },
      ],
      log,
      keyOf: ({ documentKey }) => documentKey._id.toHexString(),
    }),
    logs: new ChangeWatch({
      name: 'pieces of logs',
      collection: logs as never,
      pipeline: [{ $match: { operationType: 'insert' } }, { $project: { job_id: '$fullDocument.job_id' } }],
      log,
      keyOf: ({ job_id: jobId }) => jobId ?? '',
    }),
  };
}

const watchedFields = { job_id: 1, 'result_data.job_state': 1, log_segments: 1 } as const;

/** Waits until the state of a job is another one; not for a job that has ended, or is not there. */
export async function waitForState(deps: Deps, jobId: string, patience: Patience): Promise<void> {
  const job = patience.seconds > 0 && (await findRunning(deps, jobId));
  if (!job) return;
  const { job_state: before } = job.result_data;
  const states = { watch: deps.newsOfJobs.states, key: job._id.toHexString() };
  await waitForNews([states], patience, async () => {
    const now = await findRunning(deps, jobId);
    return now?.result_data.job_state !== before;
  });
}

/** Waits until a log has a piece that is asked for; not longer than its job goes on. */
export async function waitForPiece(
  deps: Deps,
  { jobId, logType, range }: { jobId: string; logType: LogType; range: FragmentRange },
  patience: Patience,
): Promise<void> {
  const job = patience.seconds > 0 && (await findRunning(deps, jobId));
  if (!job) return;
  const { states, logs } = deps.newsOfJobs;
  const subjects = [
    { watch: logs, key: jobId },
    { watch: states, key: job._id.toHexString() },
  ];
  await waitForNews(subjects, patience, async () => {
    const now = await findRunning(deps, jobId);
    return now === undefined || hasFragments(deps, now, logType, range);
  });
}

/** A job that has not ended. */
async function findRunning({ collections: { jobs } }: Deps, jobId: string) {
  const job = await jobs.findOne({ job_id: jobId }, { projection: watchedFields, sort: { created_at: -1 } });
  return job === null || endedStates.includes(job.result_data.job_state) ? undefined : job;
}
