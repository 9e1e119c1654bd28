import type { Document, ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeFeed } from '../db/change-feed.js';
import { byId } from '../db/index-hint.js';
import type { JobCollections } from '../job/collections.js';
import { filterAllowing } from '../job/job-state.js';
import type { JobWaiters } from './job-waiters.js';

/** The part of a change that the pipeline keeps. */
interface JobChange {
  documentKey: { _id: ObjectId };
  wallTime?: Date;
  /** For a submitted job; a job that returns to its queue is looked up. */
  queue?: string;
  excluded?: string[];
}

/**
 * Matches jobs that are submitted and do not await attachments, and jobs that return to their queue or get their
 * attachments: those have `wake_at` set. The database drops claims, results and signs of life.
 */
const pipeline: Document[] = [
  {
    $match: {
      $or: [
        {
          operationType: { $in: ['insert', 'replace'] },
          'fullDocument.result_data.job_state': 'waiting',
          'fullDocument.job_data.attachments_status': { $ne: 'waiting' },
        },
        { operationType: 'update', 'updateDescription.updatedFields.wake_at': { $exists: true } },
      ],
    },
  },
  {
    $project: {
      documentKey: 1,
      wallTime: 1,
      queue: '$fullDocument.job_data.job_queue',
      excluded: '$fullDocument.job_data.exclude_agents',
    },
  },
];

/** Wakes the waiting claims of this process for jobs of every process. */
export function createClaimableFeed(
  { jobs }: JobCollections,
  waiters: JobWaiters,
  log: Logger,
): ChangeFeed<JobChange> {
  async function wakeForReturned({ documentKey: { _id }, wallTime }: JobChange): Promise<void> {
    const job = await jobs.findOne({ _id, ...filterAllowing('claim') } as object, {
      projection: { 'job_data.job_queue': 1, 'job_data.exclude_agents': 1, lost_holders: 1 },
      ...byId,
    });
    if (job === null) return;
    const { job_queue: queue, exclude_agents: excluded = [] } = job.job_data;
    waiters.wake({
      id: _id.toHexString(),
      queue,
      excluded: [...excluded, ...(job.lost_holders ?? [])],
      at: wallTime,
    });
  }
  return new ChangeFeed<JobChange>({
    name: 'claimable jobs',
    collection: jobs as never,
    pipeline,
    log,
    onGap: () => waiters.wakeAll(),
    onChange(change) {
      const { documentKey, queue, excluded, wallTime: at } = change;
      const id = documentKey._id.toHexString();
      if (queue !== undefined) waiters.wake({ id, queue, excluded: excluded ?? [], at });
      // A job that cannot be looked up may be of any queue.
      else wakeForReturned(change).catch(() => waiters.wakeAll());
    },
  });
}
