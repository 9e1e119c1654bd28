import { type Command, Option } from 'commander';
import { ApiClient, pathOf } from './api-client.js';
import { adviseOn, CliError, RefusedError } from './cli-error.js';
import { findConnection, type GlobalOptions } from './find-connection.js';
import { print, printJson } from './print.js';
import { type Cell, printFields, printTable } from './print-table.js';

interface FoundJob {
  job_id: string;
  created_at: string;
  job_state: string;
}

interface ShownAttempt {
  attempt: number;
  holder: string;
  ended_at: string;
  reason: string;
  job_state: string;
}

interface ShownJob {
  job_queue?: string;
  job_priority?: number;
  lease?: { attempt: number; holder?: string; until?: string };
  attempts?: ShownAttempt[];
}

interface ListOptions {
  queue?: string | undefined;
  state?: string[] | undefined;
  tag?: string[] | undefined;
  all?: boolean | undefined;
}

/** The states of jobs that have ended. */
const endedStates = ['complete', 'completed', 'cancelled'];

/** Readable texts for the reasons why an attempt ended. */
const reasons: Record<string, string> = {
  lease_expired: 'gave no sign of life',
  resubmitted: 'the job was submitted again',
};

/** Adds `show|list|cancel` to the `job` command. */
export function addJobCommands(job: Command): void {
  job
    .command('show <job-id>')
    .description("show a job's state, holder, lease and earlier attempts")
    .action(showJob);
  job
    .command('list')
    .description('list the jobs that have not ended, oldest first')
    .option('--queue <queue>', 'only jobs of this queue')
    .option('--state <state...>', 'only jobs in one of these states, such as waiting, test or complete')
    .option('--tag <tag...>', 'only jobs with one of these tags')
    .addOption(new Option('--all', 'also list jobs that have ended').conflicts('state'))
    .action(listJobs);
  job
    .command('cancel <job-id>')
    .description('cancel a job that has not ended; its agent stops when it next checks the job')
    .action(cancelJob);
}

async function showJob(jobId: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const query = new URLSearchParams({ job_id: jobId });
  const [found] = await api.getList<FoundJob>(`/v1/job/search?${query}`);
  const job = found && ((await api.send('GET', pathOf`/v1/job/${jobId}`)) as ShownJob | undefined);
  if (!job) throw new CliError(`no job has the id ${jobId} (queuepass job list)`);
  if (command.optsWithGlobals<GlobalOptions>().json) {
    return printJson({ ...job, job_state: found.job_state, created_at: found.created_at });
  }
  const before = found.job_state === 'waiting' ? await findPosition(api, jobId) : undefined;
  printFields({
    job: found.job_id,
    state: found.job_state,
    ...(before !== undefined && { 'jobs before it': before }),
    queue: job.job_queue,
    priority: String(job.job_priority ?? 0),
    created: found.created_at,
    ...presentLease(job),
  });
  for (const { attempt, holder, ended_at: endedAt, reason, job_state: state } of job.attempts ?? []) {
    print(`attempt ${attempt}: ${holder} had it until ${endedAt}, in ${state}: ${reasons[reason] ?? reason}`);
  }
}

/** Finds the number of jobs before a job. Returns `undefined` if the job was claimed in the meantime. */
async function findPosition(api: ApiClient, jobId: string): Promise<string | undefined> {
  try {
    return String(await api.send('GET', pathOf`/v1/job/${jobId}/position`, { asText: true }));
  } catch (error) {
    if (error instanceof RefusedError && error.status === 410) return undefined;
    throw error;
  }
}

function presentLease({ lease }: ShownJob): Record<string, Cell> {
  if (lease?.holder === undefined) return {};
  return {
    attempt: String(lease.attempt),
    holder: lease.holder,
    ...(lease.until !== undefined && { 'lease until': lease.until }),
  };
}

async function listJobs({ queue, state, tag, all }: ListOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const wanted = (job: FoundJob) =>
    state ? state.includes(job.job_state) : all === true || !endedStates.includes(job.job_state);
  const jobs = (await findJobs(api, { queue, state, tag, all })).filter(wanted);
  if (command.optsWithGlobals<GlobalOptions>().json) return printJson(jobs);
  printTable(
    ['JOB', 'STATE', 'CREATED'],
    jobs.map((job) => [job.job_id, job.job_state, job.created_at]),
  );
}

/** Finds jobs by queue, by tags and state, or, if the queue and tags are given, the intersection of both results. */
async function findJobs(api: ApiClient, { queue, state, tag, all }: ListOptions): Promise<FoundJob[]> {
  const ofQueue =
    queue === undefined
      ? undefined
      : (((await api.send('GET', pathOf`/v1/queues/${queue}/jobs`)) as FoundJob[] | undefined) ?? []);
  if (ofQueue !== undefined && tag === undefined) return ofQueue;
  const query = new URLSearchParams();
  for (const one of tag ?? []) query.append('tags', one);
  for (const one of state ?? (all ? [] : ['active'])) query.append('state', one);
  const found = await api.getList<FoundJob>(`/v1/job/search?${query}`);
  const ids = ofQueue && new Set(ofQueue.map((job) => job.job_id));
  return ids ? found.filter((job) => ids.has(job.job_id)) : found;
}

async function cancelJob(jobId: string, options: GlobalOptions, command: Command): Promise<void> {
  const api = new ApiClient(findConnection(command));
  const path = pathOf`/v1/job/${jobId}/action`;
  await api
    .send('POST', path, { body: { action: 'cancel' } })
    .catch(adviseOn(400, `(queuepass job show ${jobId})`));
  if (command.optsWithGlobals<GlobalOptions>().json)
    return printJson({ job_id: jobId, job_state: 'cancelled' });
  print(`Cancelled the job ${jobId}`);
}
