import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { beginSubmit } from '../support/begin-submit.js';
import { readMetrics } from '../support/metrics.js';
import { waitUntil } from '../support/own-mongod.js';
import { listProcessesOf } from '../support/processes-of.js';
import { readStartFailure, type ServerProcess, startServerProcess } from '../support/server-process.js';

const key = 'a signing key for tests, long enough for HS256';
const workers = { WORKERS: '2', JWT_SIGNING_KEY: key };

function listWorkers({ child: { pid } }: ServerProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('main.js'));
}

const metricsOf = (server: ServerProcess) =>
  readMetrics(/Metrics are at (\S+)/.exec(server.stderr())?.[1] as string);

function agentHeaders(name: string): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(key), clock: { now: () => new Date() } };
  const token = signAccessToken(signer, { client_id: name, role: 'agent' });
  return { authorization: `Bearer ${token}`, cookie: `agent_name=${name}`, prefer: 'wait=60' };
}

/** Starts agents that wait for a job, on both workers. */
async function startWaiters(
  t: ExecutionContext,
  server: ServerProcess,
  count: number,
): Promise<Promise<Response>[]> {
  const polls = Array.from({ length: count }, (_, i) =>
    server.request('/v1/job?queue=q1', { headers: agentHeaders(`agent-${i}`) }),
  );
  await waitUntil(async () => (await metricsOf(server)).byLabels('queuepass_waiting_requests').job === count);
  t.is(listWorkers(server).length, 2);
  return polls;
}

test('workers share one address, one queue and one metrics page, and shut down with exit code 0', async (t) => {
  const server = await startServerProcess(t, { settings: workers });
  t.regex(server.stderr(), /listens on http:\S+ \(2 workers\)\n/);
  const polls = await startWaiters(t, server, 6);
  const ids: string[] = [];
  for (let i = 0; i < 2; i += 1) {
    const submit = {
      method: 'POST',
      body: '{"job_queue":"q1"}',
      headers: { 'content-type': 'application/json' },
    };
    const answer = await server.request('/v1/job', submit);
    ids.push(((await answer.json()) as { job_id: string }).job_id);
  }
  const metrics = await metricsOf(server);
  await waitUntil(async () => (await metricsOf(server)).byLabels('queuepass_claims_total').q1 === 2);
  t.is(metrics.value('queuepass_mongodb_primary_known'), 1);
  t.is(metrics.byLabels('queuepass_http_requests_total')['POST /v1/job 200'], 2);
  server.kill('SIGTERM');
  const answers = await Promise.all(polls);
  t.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 204, 204, 204, 204]);
  const retryAfter = answers
    .filter(({ status }) => status === 204)
    .map(({ headers }) => headers.get('retry-after'));
  t.deepEqual(retryAfter, ['0', '0', '0', '0']);
  const taken = answers
    .filter(({ status }) => status === 200)
    .map(async (answer) => (await answer.json()) as object);
  const jobs = (await Promise.all(taken)) as { job_id: string }[];
  t.deepEqual(jobs.map(({ job_id: id }) => id).sort(), ids.sort());
  t.deepEqual(await server.exited, { code: 0, signal: null });
  t.deepEqual(await listProcessesOf(server.folder), []);
});

test('a killed worker is replaced, and its metrics are kept', async (t) => {
  const server = await startServerProcess(t, { settings: workers });
  const polls = await startWaiters(t, server, 4);
  const settled = Promise.allSettled(polls);
  const submitted = 6;
  const submit = {
    method: 'POST',
    body: '{"job_queue":"q2"}',
    headers: { 'content-type': 'application/json', connection: 'close' },
  };
  for (let i = 0; i < submitted; i += 1) await (await server.request('/v1/job', submit)).text();
  t.is((await metricsOf(server)).byLabels('queuepass_http_requests_total')['POST /v1/job 200'], submitted);
  const before = listWorkers(server);
  process.kill(before[0] as number, 'SIGKILL');
  await waitUntil(() => {
    const now = listWorkers(server);
    return now.length === 2 && !now.includes(before[0] as number);
  });
  t.regex(server.stdout(), /a worker ended: starting another one/);
  const answered = (await metricsOf(server)).byLabels('queuepass_http_requests_total');
  t.true((answered['POST /v1/job 200'] ?? 0) === submitted, 'the counts of the killed worker are kept');
  t.is((await server.request('/v1')).status, 200);
  server.kill('SIGTERM');
  await settled;
  t.is((await server.exited).code, 0);
});

test('an error that keeps a worker from starting ends the server with one line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => other.once('listening', done));
  const { port } = other.address() as { port: number };
  const line = await readStartFailure(t, { settings: { ...workers, PORT: String(port) } });
  t.regex(line, new RegExp(`127.0.0.1:${port} is in use`));
  other.close();
});

test('a second signal ends all processes at once, and no worker outlives the first process', async (t) => {
  for (const signals of [['SIGTERM', 'SIGINT'], ['SIGKILL']] as const) {
    const server = await startServerProcess(t, { settings: { ...workers, DRAIN_SECONDS: '600' } });
    const submit = await beginSubmit(server);
    const pids = listWorkers(server);
    t.is(pids.length, 2);
    for (const signal of signals) {
      server.kill(signal);
      if (signal === 'SIGTERM') await waitUntil(() => server.stderr().includes('Stopping'));
    }
    // Do not wait for its output to close: a worker can still have it open.
    await waitUntil(() => server.child.exitCode !== null || server.child.signalCode !== null);
    // Workers whose first process was killed respond to the requests in flight before they end.
    const outcome = await submit.finish();
    if (signals[0] === 'SIGKILL') t.is(outcome.status, 503);
    else t.truthy(outcome.failed);
    await waitUntil(() => pids.every((pid) => !isAlive(pid)));
  }
  t.pass();
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(join('/proc', String(pid), 'status'), 'utf8'));
  } catch {
    return false;
  }
}
