import type { WithId } from 'mongodb';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import type { ResultServices } from './services.js';
import type { JobServices } from '../job/services.js';
import type { LogServices } from '../logs/services.js';
import { waitForChange } from '../hub/change-topic.js';
import type { WaitOptions } from '../hub/signal.js';
import { endedStates } from '../job/job-state.js';
import type { LogType } from '../logs/log-fragment.js';
import { type FragmentRange, hasFragments } from '../logs/read-fragments.js';

type WatchedJob = Pick<JobRecord, 'job_id' | 'result_data' | 'log_segments'>;

const watchedFields = { job_id: 1, 'result_data.job_state': 1, log_segments: 1 } as const;

/** Waits until the state of a job is another one; not for a job that has ended, or is not there. */
export async function waitForState(
  deps: Pick<JobServices, 'collections'> & Pick<ResultServices, 'newsOfJobs'>,
  jobId: string,
  wait: Pick<WaitOptions, 'seconds' | 'onGone'>,
): Promise<void> {
  const job = wait.seconds > 0 && (await findRunning(deps, jobId));
  if (!job) return;
  const { job_state: before } = job.result_data;
  const states = { topic: deps.newsOfJobs.states, key: job._id.toHexString() };
  await waitForChange([states], wait, async () => {
    const now = await findRunning(deps, jobId);
    return now?.result_data.job_state !== before;
  });
}

/** Waits until a log has a piece that is asked for; not longer than its job goes on. */
export async function waitForPiece(
  deps: Pick<JobServices, 'collections'> &
    Pick<LogServices, 'collections'> &
    Pick<ResultServices, 'newsOfJobs'>,
  { jobId, logType, range }: { jobId: string; logType: LogType; range: FragmentRange },
  wait: Pick<WaitOptions, 'seconds' | 'onGone'>,
): Promise<void> {
  const job = wait.seconds > 0 && (await findRunning(deps, jobId));
  if (!job) return;
  const { states, logs } = deps.newsOfJobs;
  const subjects = [
    { topic: logs, key: jobId },
    { topic: states, key: job._id.toHexString() },
  ];
  await waitForChange(subjects, wait, async () => {
    const now = await findRunning(deps, jobId);
    return now === undefined || hasFragments(deps, now, logType, range);
  });
}

/** A job that has not ended. */
async function findRunning(
  deps: Pick<JobServices, 'collections'>,
  jobId: string,
): Promise<WithId<WatchedJob> | undefined> {
  const job = await findJob<WatchedJob>(deps, jobId, watchedFields);
  return job === undefined || endedStates.includes(job.result_data.job_state) ? undefined : job;
}
