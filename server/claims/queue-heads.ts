import type { WithId } from 'mongodb';
import type { JobRecord } from '../job/job-record.js';
import type { ClaimDeps } from './claim-one.js';

/**
 * The first waiting job of each of these queues in claim order, which may be one that awaits its attachments. MongoDB reads
 * one index entry and one document for each queue that has any job, however many wait.
 */
export async function findHeads(
  { collections, claimHints }: Pick<ClaimDeps, 'collections' | 'claimHints'>,
  queues: readonly string[],
): Promise<Map<string, WithId<JobRecord>>> {
  const pipeline = [
    { $match: { 'result_data.job_state': 'waiting', 'job_data.job_queue': { $in: [...new Set(queues)] } } },
    // In this order MongoDB skips from queue to queue.
    {
      $sort: {
        'result_data.job_state': -1,
        'job_data.job_queue': 1,
        job_priority: -1,
        created_at: 1,
        _id: 1,
      },
    },
    { $group: { _id: '$job_data.job_queue', job: { $first: '$$ROOT' } } },
  ];
  const heads = await claimHints.waiting.use((hint) =>
    collections.jobs.aggregate<{ _id: string; job: WithId<JobRecord> }>(pipeline, hint).toArray(),
  );
  return new Map(heads.map(({ _id, job }) => [_id, job]));
}
