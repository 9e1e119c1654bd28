import type { ExecutionContext } from 'ava';
import type { JobRecord } from '../../server/db/collections.js';
import { sweepLeases } from '../../server/leases/sweep-leases.js';
import { jsonBody } from './clients.js';
import { agentHeaders } from './jobs.js';
import { makeFragment } from './results.js';
import { startServer, type TestServer } from './start-server.js';
import { TestClock } from './tokens.js';

/** A server whose time, and its leases', is the test's. */
export interface LeaseServer extends TestServer {
  clock: TestClock;
}

/** Starts a server on a clock that stands at `testNow`. */
export async function startLeaseServer(
  t: ExecutionContext,
  settings: Record<string, string> = {},
  clock = new TestClock(),
  database?: string,
): Promise<LeaseServer> {
  const server = await startServer(t, { clock, settings, ...(database !== undefined && { database }) });
  return Object.assign(server, { clock });
}

/** Lets time pass while a process sweeps all along, and sweeps at its end. */
export async function passTime({ deps, clock }: LeaseServer, seconds: number): Promise<void> {
  clock.move(seconds);
  await deps.collections.serviceBeats.updateOne(
    { _id: 'sweep_leases' },
    { $set: { last_sweep_at: new Date(clock.now().getTime() - 5000) } },
    { upsert: true },
  );
  await sweepLeases(deps, clock.now());
}

/** The job as it is stored. */
export async function storedJob({ deps }: TestServer, jobId: string): Promise<JobRecord> {
  const job = await deps.collections.jobs.findOne({ job_id: jobId });
  if (job === null) throw new Error(`no job ${jobId}`);
  return job;
}

/** One request of an agent; the answer's text, and whether what it sent was kept apart. */
export async function asAgent(
  server: TestServer,
  agent: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; text: string; isDiscarded: boolean }> {
  const headers = agentHeaders(server, agent);
  const response = await server.request(path, body === undefined ? { headers } : jsonBody(body, headers));
  const discarded = response.headers.get('queuepass-discarded');
  if (discarded !== null && discarded !== 'lease-lost') throw new Error(`Queuepass-Discarded: ${discarded}`);
  return { status: response.status, text: await response.text(), isDiscarded: discarded !== null };
}

/** A result post of an agent. */
export function tellResult(server: TestServer, agent: string, jobId: string, body: unknown) {
  return asAgent(server, agent, `/v1/result/${jobId}`, body);
}

/** A log post of an agent. */
export function tellLog(
  server: TestServer,
  agent: string,
  jobId: string,
  number: number,
  text: string,
  phase = 'test',
) {
  const fragment = makeFragment({ fragment_number: number, log_data: text, phase });
  return asAgent(server, agent, `/v1/result/${jobId}/log/output`, fragment);
}

/** The state that an agent is told of a job, by which a stock agent looks whether it was cancelled. */
export async function stateToldTo(server: TestServer, agent: string, jobId: string): Promise<unknown> {
  const { text } = await asAgent(server, agent, `/v1/result/${jobId}`);
  return (JSON.parse(text) as { job_state: unknown }).job_state;
}

/** An agent that is alive and serves the queue `q1`. */
export async function addLiveAgent(server: LeaseServer, name: string): Promise<void> {
  await asAgent(server, name, `/v1/agents/data/${name}`, { state: 'waiting', queues: ['q1'] });
  await server.deps.agentWatch.round();
}

/** A job that an agent has claimed and told the phase of. */
export async function startJob(
  server: TestServer,
  agent: string,
  jobId: string,
  phase = 'test',
): Promise<void> {
  const claimed = await asAgent(server, agent, '/v1/job?queue=q1');
  if ((JSON.parse(claimed.text) as { job_id: string }).job_id !== jobId)
    throw new Error('another job came first');
  await tellResult(server, agent, jobId, { job_state: phase });
}
