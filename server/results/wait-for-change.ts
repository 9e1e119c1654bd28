import type { WithId } from 'mongodb';
import { waitForChange } from '../hub/change-topic.js';
import type { WaitOptions } from '../hub/signal.js';
import { findJob } from '../job/find-job.js';
import type { JobRecord } from '../job/job-record.js';
import { endedStates } from '../job/job-state.js';
import type { JobServices } from '../job/services.js';
import type { LogType } from '../logs/log-fragment.js';
import { type FragmentRange, hasFragments } from '../logs/read-fragments.js';
import type { LogServices } from '../logs/services.js';
import type { ResultServices } from './services.js';

type WatchedJob = Pick<JobRecord, 'job_id' | 'result_data' | 'log_segments'>;

const watchedFields = { job_id: 1, 'result_data.job_state': 1, log_segments: 1 } as const;

/** Waits until the state of a job changes. Returns at once if the job has ended or does not exist. */
export async function waitForState(
  deps: Pick<JobServices, 'findJobs'> & Pick<ResultServices, 'jobTopics'>,
  jobId: string,
  wait: Pick<WaitOptions, 'seconds' | 'onGone'>,
): Promise<void> {
  const job = wait.seconds > 0 && (await findUnfinished(deps, jobId));
  if (!job) return;
  const { job_state: before } = job.result_data;
  const states = { topic: deps.jobTopics.states, key: job._id.toHexString() };
  await waitForChange([states], wait, async () => {
    const now = await findUnfinished(deps, jobId);
    return now?.result_data.job_state !== before;
  });
}

/** Waits until a log has a fragment in the range, or its job ends. */
export async function waitForFragment(
  deps: Pick<JobServices, 'findJobs'> & Pick<LogServices, 'collections'> & Pick<ResultServices, 'jobTopics'>,
  { jobId, logType, range }: { jobId: string; logType: LogType; range: FragmentRange },
  wait: Pick<WaitOptions, 'seconds' | 'onGone'>,
): Promise<void> {
  const job = wait.seconds > 0 && (await findUnfinished(deps, jobId));
  if (!job) return;
  const { states, logs } = deps.jobTopics;
  const subjects = [
    { topic: logs, key: job.job_id },
    { topic: states, key: job._id.toHexString() },
  ];
  await waitForChange(subjects, wait, async () => {
    const now = await findUnfinished(deps, jobId);
    return now === undefined || hasFragments(deps, now, logType, range);
  });
}

/** Finds a job. Returns `undefined` if it has ended or does not exist. */
async function findUnfinished(
  deps: Pick<JobServices, 'findJobs'>,
  jobId: string,
): Promise<WithId<WatchedJob> | undefined> {
  const job = await findJob<WatchedJob>(deps, jobId, watchedFields);
  return job === undefined || endedStates.includes(job.result_data.job_state) ? undefined : job;
}
