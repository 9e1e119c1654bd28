import { jsonListPieces, streamJson } from '../http/json-stream.js';
import { presentDate } from '../http/present-date.js';
import { empty, type Reply } from '../http/reply.js';
import type { JobRecord } from '../job/job-record.js';
import type { JobServices } from '../job/services.js';

/** Time limit for one batch of jobs from MongoDB, in milliseconds. */
const batchTimeoutMs = 30_000;

/**
 * Lists the jobs of a queue in all states, in the order of their first submission. Many jobs are streamed; the status is 204 if there are none.
 */
export async function listQueueJobs(
  { collections }: Pick<JobServices, 'collections'>,
  queue: string,
): Promise<Reply> {
  const jobs = collections.jobs.find({ 'job_data.job_queue': queue } as object, {
    projection: { _id: 0, job_id: 1, created_at: 1, 'result_data.job_state': 1 },
    batchSize: 1000,
    sort: { _id: 1 },
    timeoutMS: batchTimeoutMs,
    timeoutMode: 'iteration',
  });
  const first = await jobs.next();
  return first === null ? empty() : streamJson(jsonListPieces(presentAll(queue, first, jobs)));
}

async function* presentAll(
  queue: string,
  first: JobRecord,
  rest: AsyncIterable<JobRecord>,
): AsyncGenerator<Record<string, unknown>> {
  yield presentListedJob(queue, first);
  for await (const job of rest) yield presentListedJob(queue, job);
}

function presentListedJob(
  queue: string,
  { job_id, created_at, result_data }: JobRecord,
): Record<string, unknown> {
  return {
    job_id,
    created_at: presentDate(created_at),
    job_state: result_data.job_state,
    job_queue: queue,
  };
}
