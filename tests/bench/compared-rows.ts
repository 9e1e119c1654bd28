import { agentHeaders, type Build, claimJob, submitJob } from './compared-build.js';
import { type Measured, measure } from './load.js';
import { send } from './processes.js';
import { json } from './scenario.js';
import { grantToken, seedToken } from './token-scenarios.js';
import { variedRows } from './varied-rows.js';
import { measureWholeJobs } from './whole-jobs.js';

/** One thing by which builds are compared. */
export interface ComparedRow {
  name: string;
  run(build: Build): Promise<Measured>;
}

/** Makes names of queues, agents and log fragments differ between all turns. */
let number = 0;

/**
 * What builds are compared by. Turns that store jobs make a fixed number of requests, so that the databases of both
 * builds hold the same number of jobs however fast each build is.
 */
export const comparedRows: readonly ComparedRow[] = [
  { name: 'claim, 8 callers, 100 to 500 waiting', run: measureClaims },
  {
    name: 'empty poll, 8 callers',
    run: (build) =>
      measure({ callers: 8, seconds: 1 }, async (n) => {
        await send(build.server, 'GET', '/v1/job?queue=empty', agentHeaders(build, `poller-${n % 500}`));
      }),
  },
  { name: 'result post, 16 callers', run: measureResultPosts },
  { name: 'log post of 1 KB, 16 callers', run: measureLogPosts },
  {
    name: 'submit, 16 callers, 40 queues, 10 priorities',
    run: (build) =>
      measure({ callers: 16, requests: 1600 }, async (n) => {
        await submitJob(build, `submit-${n % 40}`, Math.floor(n / 40) % 10);
      }),
  },
  {
    name: 'seed token, server-made key, 16 callers',
    run: ({ server, client }) =>
      measure({ callers: 16, seconds: 1 }, async () => {
        await seedToken(server, client.id, client.serverMadeKey);
      }),
  },
  {
    name: 'oauth2 token, secret, 16 callers',
    run: ({ server, client }) =>
      measure({ callers: 16, seconds: 1 }, async () => {
        await grantToken(server, client.id, client.secret);
      }),
  },
  ...variedRows,
  ...[8, 16].map((agents) => ({
    name: `whole jobs, ${agents} stock agents`,
    run: (build: Build) => measureWholeJobs(build, agents),
  })),
];

/** In a lab hundreds of agents take one job after the other, so each claim is made by an agent of its own. */
async function measureClaims(build: Build): Promise<Measured> {
  const queue = `claim-${number++}`;
  await measure({ callers: 16, requests: 500 }, async (n) => {
    await submitJob(build, queue, n % 10);
  });
  return measure({ callers: 8, requests: 400 }, () => claimJob(build, queue, `claimer-${number++}`));
}

async function measureResultPosts(build: Build): Promise<Measured> {
  const { path, headers } = await startRun(build);
  return measure({ callers: 16, seconds: 1 }, async () => {
    await send(build.server, 'POST', path, headers, '{"status":{"setup":0}}');
  });
}

async function measureLogPosts(build: Build): Promise<Measured> {
  const { path, headers } = await startRun(build);
  const log_data = `${'x'.repeat(1023)}\n`;
  return measure({ callers: 16, seconds: 1 }, async () => {
    const fragment = { fragment_number: number++, timestamp: new Date(), phase: 'test', log_data };
    await send(build.server, 'POST', `${path}/log/output`, headers, JSON.stringify(fragment));
  });
}

/** Has an agent claim a job and enter its test phase; where and with which headers the agent posts. */
async function startRun(build: Build): Promise<{ path: string; headers: Record<string, string> }> {
  const name = `writer-${number++}`;
  const id = await submitJob(build, name);
  await claimJob(build, name, name);
  const run = { path: `/v1/result/${id}`, headers: { ...agentHeaders(build, name), ...json } };
  await send(build.server, 'POST', run.path, run.headers, '{"job_state":"test"}');
  return run;
}
