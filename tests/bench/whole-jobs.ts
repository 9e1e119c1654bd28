import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type AgentJob, StockAgent } from '../actors/stock-agent.js';
import { StockCli } from '../actors/stock-cli.js';
import type { Build } from './compared-build.js';
import { type Measured, measure } from './load.js';

/** How many agents run jobs at once. */
export const wholeJobAgents = 8;

/** Each queue is served by two of the agents. */
const queueCount = wholeJobAgents / 2;

/** How many polls may find no job, although one waits for each agent, before the benchmark fails. */
const maxEmptyPolls = 20;

const attachments = gzipSync(randomBytes(4096));
const artifact = gzipSync(randomBytes(65_536));

const queueOf = (agent: number) => `rack-${agent % queueCount}`;

/**
 * Jobs a second, each with all calls of the stock CLI and the stock agent from the CLI's login to the job's end, without
 * the pauses between them. Every second job has attachments. Agents start before the measurement.
 */
export async function measureWholeJobs(build: Build): Promise<Measured> {
  const agents = await Promise.all(Array.from({ length: wholeJobAgents }, (_, n) => startAgent(build, n)));
  return measure({ callers: wholeJobAgents, requests: 6 * wholeJobAgents }, (n, caller) =>
    runWholeJob(build, agents[caller] as StockAgent, { queue: queueOf(caller), hasAttachments: n % 2 === 0 }),
  );
}

/** A failed request ends the benchmark and is not sent again, since a retry would show as a slow build. */
const sessionOf = ({ server }: Build) => ({ url: server.url, backoffMs: [] });

async function startAgent(build: Build, n: number): Promise<StockAgent> {
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

/** The job that the agent runs may be that of the other caller of the queue, which then runs this one. */
async function runWholeJob(
  build: Build,
  agent: StockAgent,
  { queue, hasAttachments }: { queue: string; hasAttachments: boolean },
): Promise<void> {
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
}

async function claim(agent: StockAgent): Promise<AgentJob> {
  for (let polls = 0; polls < maxEmptyPolls; polls += 1) {
    const job = await agent.poll();
    if (job) return job;
  }
  throw new Error(`${agent.options.name} got no job in ${maxEmptyPolls} polls`);
}
