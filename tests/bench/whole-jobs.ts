import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type AgentJob, StockAgent } from '../actors/stock-agent.js';
import { StockCli } from '../actors/stock-cli.js';
import type { Build } from './compared-build.js';
import { type Measured, measure } from './load.js';

/** Two agents serve each queue. */
const agentsOfQueue = 2;

/** Number of jobs that each agent runs in a measurement. */
const jobsOfAgent = 6;

/** What whole jobs use of a build. */
export type WholeJobsTarget = Pick<Build, 'server' | 'client' | 'agentRefreshToken'>;

/** The phases for which a whole job has data. Stock agents report the others too. */
export const dataPhases: readonly string[] = ['provision', 'test'];

/** How many polls may find no job, although one waits for each agent, before the benchmark fails. */
const maxEmptyPolls = 20;

/** Attachments of 4 KB. */
export const attachments = gzipSync(randomBytes(4096));

/** An artifact of 100 KB, which does not compress. */
export const artifact = gzipSync(randomBytes(100_000));

const queueOf = (agent: number) => `rack-${Math.floor(agent / agentsOfQueue)}`;

/**
 * Jobs a second, each with all calls of the stock CLI and the stock agent from the CLI's login to the job's end, without
 * the pauses between them. Every second job has attachments. Agents start before the measurement.
 */
export async function measureWholeJobs(
  build: WholeJobsTarget,
  agentCount: number,
  jobsEach = jobsOfAgent,
): Promise<Measured> {
  const agents = await Promise.all(Array.from({ length: agentCount }, (_, n) => startAgent(build, n)));
  let jobs = 0;
  let requests = 0;
  const measured = await measure(
    { callers: agentCount, requests: jobsEach * agentCount },
    async (n, caller) => {
      const how = { queue: queueOf(caller), hasAttachments: n % 2 === 0 };
      const sent = await runWholeJob(build, agents[caller] as StockAgent, how);
      requests += sent;
      jobs += 1;
    },
  );
  return { ...measured, requestsEach: requests / jobs };
}

/**
 * A request is sent once more without a pause, since the server may close an idle connection at the moment of its next
 * request. A request that fails twice ends the benchmark: more retries would show as a slow build.
 */
const sessionOf = ({ server }: WholeJobsTarget) => ({ url: server.url, backoffMs: [0] });

async function startAgent(build: WholeJobsTarget, n: number): Promise<StockAgent> {
  const agent = new StockAgent({
    ...sessionOf(build),
    name: `stock-${n}`,
    queues: [queueOf(n)],
    refreshToken: build.agentRefreshToken,
    advertised: { [queueOf(n)]: 'a rack of the lab' },
  });
  await agent.start();
  return agent;
}

/**
 * Runs one job and returns the number of its requests. The job that the agent runs may be that of the other caller of
 * the queue, which then runs this one.
 */
async function runWholeJob(
  build: WholeJobsTarget,
  agent: StockAgent,
  { queue, hasAttachments }: { queue: string; hasAttachments: boolean },
): Promise<number> {
  const before = agent.session.calls.length;
  const { id: clientId, serverMadeKey: clientKey } = build.client;
  const cli = new StockCli({ ...sessionOf(build), clientId, clientKey });
  await cli.start();
  const test_data = { test_cmds: 'true', ...(hasAttachments && { attachments: [{ agent: 'a.txt' }] }) };
  const job = { job_queue: queue, job_priority: 5, provision_data: { distro: 'noble' }, test_data };
  const id = await cli.submit(job, hasAttachments ? attachments : undefined);
  await cli.session.call('GET', `/v1/job/${id}`);
  await cli.session.call('GET', `/v1/result/${id}`);
  const { next } = await cli.poll(id);
  await agent.run(await claim(agent), artifact);
  await cli.poll(id, next);
  return cli.session.calls.length + agent.session.calls.length - before;
}

async function claim(agent: StockAgent): Promise<AgentJob> {
  for (let polls = 0; polls < maxEmptyPolls; polls += 1) {
    const job = await agent.poll();
    if (job) return job;
  }
  throw new Error(`${agent.options.name} got no job in ${maxEmptyPolls} polls`);
}
