import type { Document, ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeFeed } from '../db/change-feed.js';
import type { JobCollections } from '../job/collections.js';
import { filterAllowing } from '../job/job-state.js';
import type { JobWaiters } from './job-waiters.js';

/** What the pipeline leaves of a change. */
interface JobChange {
  documentKey: { _id: ObjectId };
  wallTime?: Date;
  /** Of a submitted job; one that returns to its queue is looked up. */
  queue?: string;
  excluded?: string[];
}

/**
 * Jobs that come in without attachments to wait for, and those that return to their queue or get their attachments:
 * these have `wake_at` set. Claims, results and signs of life are dropped in the database.
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

/** Wakes the claims of this process that wait, for jobs of every process. */
export function createClaimableFeed(
  { jobs }: JobCollections,
  waiters: JobWaiters,
  log: Logger,
): ChangeFeed<JobChange> {
  async function wakeForReturned({ documentKey: { _id }, wallTime }: JobChange): Promise<void> {
    const job = await jobs.findOne({ _id, ...filterAllowing('claim') } as object, {
      projection: { 'job_data.job_queue': 1, 'job_data.exclude_agents': 1, lost_holders: 1 },
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
      // What cannot be looked up may be of any queue.
      else wakeForReturned(change).catch(() => waiters.wakeAll());
    },
  });
}
