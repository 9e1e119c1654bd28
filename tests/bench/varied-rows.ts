import { randomBytes } from 'node:crypto';
import { phases } from '../actors/stock-agent.js';
import { type AgentCaller, labOf, type Run } from './agent-callers.js';
import { type Build, submitJob } from './compared-build.js';
import type { ComparedRow } from './compared-rows.js';
import { type Load, type Measured, measure } from './load.js';
import { send } from './processes.js';

/** The names of rows that the churn benchmark measures too. */
export const variedNames = {
  results: 'result posts, phases in turn, 64 jobs, 16 callers',
  logs: 'log posts that differ, 64 jobs, 16 callers',
} as const;

/** Rows with the variety of a lab: many jobs and agents, and bodies that differ, so that few writes can be merged. */
export const variedRows: readonly ComparedRow[] = [
  { name: variedNames.results, run: (build) => measureResultsInTurn(build, { callers: 16, seconds: 1 }) },
  { name: 'heartbeat with a log line, 16 callers, 500 agents', run: measureHeartbeats },
  // A fixed number, so that the databases of both builds hold the same number of fragments.
  { name: variedNames.logs, run: (build) => measureVariedLogs(build, { callers: 16, requests: 1600 }) },
  { name: 'job GET, 16 callers, 500 jobs', run: measureJobReads },
  { name: 'agent reads itself, 16 callers', run: measureOwnReads },
  {
    name: 'submit, 1 caller',
    run: (build) =>
      measure({ callers: 1, requests: 200 }, async (n) => {
        await submitJob(build, `submit-${n % 40}`, n % 10);
      }),
  },
];

/** Each agent reports its next phase, and after the last one begins with the first again. */
export async function measureResultsInTurn(build: Build, load: Load): Promise<Measured> {
  const { runs } = await labOf(build);
  return measure(load, async (n) => {
    const run = runs[n % runs.length] as Run;
    await run.agent.post(run.path, { job_state: phases[run.posts++ % phases.length] });
  });
}

/** Each job's agent posts the next fragment of its log. */
export async function measureVariedLogs(build: Build, load: Load): Promise<Measured> {
  const { runs } = await labOf(build);
  return measure(load, async (n) => {
    const run = runs[n % runs.length] as Run;
    await run.agent.post(`${run.path}/log/output`, {
      fragment_number: run.posts++,
      timestamp: new Date(),
      phase: 'test',
      log_data: makeLogText(run.posts),
    });
  });
}

/** Log text of 1 KB, no two alike. */
function makeLogText(n: number): string {
  const lines = Array.from({ length: 12 }, (_, line) => {
    const digest = randomBytes(12).toString('hex');
    return `2026-01-01T00:00:00Z INFO step ${n}.${line}: fetched images/${digest} (ok)\n`;
  });
  return lines.join('').padEnd(1023, '.').slice(0, 1023).concat('\n');
}

async function measureHeartbeats(build: Build): Promise<Measured> {
  const { agents } = await labOf(build);
  return measure({ callers: 16, seconds: 1 }, async (n) => {
    const agent = agents[n % agents.length] as AgentCaller;
    await agent.post(agent.path, { state: 'waiting', log: [`look ${n} of ${agent.name} found no job`] });
  });
}

async function measureJobReads(build: Build): Promise<Measured> {
  const { jobs } = await labOf(build);
  return measure({ callers: 16, seconds: 1 }, async (n) => {
    await send(build.server, 'GET', `/v1/job/${jobs[n % jobs.length]}`, build.submitter);
  });
}

async function measureOwnReads(build: Build): Promise<Measured> {
  const { agents } = await labOf(build);
  return measure({ callers: 16, seconds: 1 }, async (n) => {
    const agent = agents[n % agents.length] as AgentCaller;
    await agent.get(agent.path);
  });
}
