import type { ExecutionContext } from 'ava';
import type { JobRecord } from '../../server/job/job-record.js';
import { sweepLeases } from '../../server/leases/sweep-leases.js';
import { jsonBody } from './clients.js';
import { agentHeaders } from './jobs.js';
import { makeFragment } from './results.js';
import { startServer, type TestServer } from './start-server.js';
import { TestClock } from './tokens.js';

/** A server with a clock that the test controls. */
export interface LeaseServer extends TestServer {
  clock: TestClock;
}

/** Starts a server whose clock is stopped at `testNow`. */
export async function startLeaseServer(
  t: ExecutionContext,
  settings: Record<string, string> = {},
  clock = new TestClock(),
  database?: string,
): Promise<LeaseServer> {
  const server = await startServer(t, { clock, settings, ...(database !== undefined && { database }) });
  return Object.assign(server, { clock });
}

/** Moves the clock as if sweeps had run all the time, and runs a sweep at the end. */
export async function passTime({ deps, clock }: LeaseServer, seconds: number): Promise<void> {
  clock.move(seconds);
  await deps.collections.serviceBeats.updateOne(
    { _id: 'sweep_leases' },
    { $set: { last_sweep_at: new Date(clock.now().getTime() - 5000) } },
    { upsert: true },
  );
  await sweepLeases(deps, clock.now());
}

/** Reads a job from the database. */
export async function storedJob({ deps }: TestServer, jobId: string): Promise<JobRecord> {
  const job = await deps.collections.jobs.findOne({ job_id: jobId });
  if (job === null) throw new Error(`no job ${jobId}`);
  return job;
}

/** Sends one request of an agent. `isDiscarded` is true when the response has the header `Queuepass-Discarded`. */
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

/** Posts a result as an agent. */
export function sendResult(server: TestServer, agent: string, jobId: string, body: unknown) {
  return asAgent(server, agent, `/v1/result/${jobId}`, body);
}

/** Posts a log fragment as an agent. */
export function sendLog(
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

/** Reads the state of a job as an agent. A stock agent uses it to find out whether the job was cancelled. */
export async function readStateAs(server: TestServer, agent: string, jobId: string): Promise<unknown> {
  const { text } = await asAgent(server, agent, `/v1/result/${jobId}`);
  return (JSON.parse(text) as { job_state: unknown }).job_state;
}

/** Adds an agent that is alive and serves the queue `q1`. */
export async function addLiveAgent(server: LeaseServer, name: string): Promise<void> {
  await asAgent(server, name, `/v1/agents/data/${name}`, { state: 'waiting', queues: ['q1'] });
  await server.deps.agentWatch.round();
}

/** Claims a job as an agent and posts its phase. */
export async function startJob(
  server: TestServer,
  agent: string,
  jobId: string,
  phase = 'test',
): Promise<void> {
  const claimed = await asAgent(server, agent, '/v1/job?queue=q1');
  if ((JSON.parse(claimed.text) as { job_id: string }).job_id !== jobId)
    throw new Error('the agent got another job');
  await sendResult(server, agent, jobId, { job_state: phase });
}
