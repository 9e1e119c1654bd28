import { setTimeout as wait } from 'node:timers/promises';
import { AgentCaller } from './agent-callers.js';
import { agentHeaders, type Build, claimJob, submitJob } from './compared-build.js';
import { type Measured, measure, summarize } from './load.js';
import { send } from './processes.js';
import { measureResultsInTurn, measureVariedLogs, variedNames } from './varied-rows.js';
import { measureWholeJobs } from './whole-jobs.js';

/** The queue from which jobs are taken; it holds no waiting job between two rows. */
export const churnedQueue = 'measured';

/** One row of the churn benchmark. */
export interface ChurnRow {
  name: string;
  run(build: Build): Promise<Measured>;
}

/** The row of which the goal is a time and not a rate. */
export const wakeRow = 'wake of a parked claim';

const wholeJobAgents = 16;
const waiting = 100;
const claims = 400;
const wakes = 50;

/** The rows, the ones that the most recent claims disturb most first. */
export const churnRows: readonly ChurnRow[] = [
  { name: 'empty poll, 1 caller', run: (build) => measureEmptyPolls(build, 1, 500) },
  { name: 'empty poll, 8 callers', run: (build) => measureEmptyPolls(build, 8, 2000) },
  { name: wakeRow, run: measureWakes },
  { name: `claim, 8 callers, ${waiting} waiting`, run: measureClaims },
  { name: variedNames.logs, run: (build) => measureVariedLogs(build, { callers: 16, requests: 1600 }) },
  { name: variedNames.results, run: (build) => measureResultsInTurn(build, { callers: 16, requests: 1600 }) },
  {
    name: `whole jobs by stock calls, ${wholeJobAgents} agents`,
    run: (build) => measureWholeJobs(build, wholeJobAgents, 3),
  },
];

let agents = 0;

/** Without a warm-up, since the first looks after churn are the slowest. */
function measureEmptyPolls(build: Build, callers: number, requests: number): Promise<Measured> {
  return measure({ callers, requests }, async (n) => {
    const { status } = await send(
      build.server,
      'GET',
      `/v1/job?queue=${churnedQueue}`,
      agentHeaders(build, `poller-${n % 500}`),
    );
    if (status !== 204) throw new Error('a poll of an empty queue found a job');
  });
}

/** Milliseconds from the response of a submit to the response of the claim that was parked before. */
async function measureWakes(build: Build): Promise<Measured> {
  const times: number[] = [];
  const measured = await measure({ callers: 1, requests: wakes }, async () => {
    const agent = new AgentCaller(`churn-${agents++}`, build.server, build.agent);
    const woken = agent
      .get(`/v1/job?queue=${churnedQueue}`, { prefer: 'wait=60' })
      .then(({ status }) => ({ status, at: performance.now() }));
    await wait(20);
    await submitJob(build, churnedQueue);
    const answered = performance.now();
    const { status, at } = await woken;
    if (status !== 200) throw new Error(`the parked claim was answered with ${status}`);
    times.push(at - answered);
  });
  const { min, p50, p99 } = summarize(times, 1);
  return { ...measured, min, p50, p99 };
}

/** Each claim is made by an agent of its own, as in a lab of hundreds of agents. Leaves the queue empty. */
async function measureClaims(build: Build): Promise<Measured> {
  const claim = () => claimJob(build, churnedQueue, `churn-${agents++}`);
  await measure({ callers: 16, requests: waiting + claims }, async (n) => {
    await submitJob(build, churnedQueue, n % 10);
  });
  const measured = await measure({ callers: 8, requests: claims }, claim);
  await measure({ callers: 8, requests: waiting }, claim);
  return measured;
}
