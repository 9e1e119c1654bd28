import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { type LogOfPhase, makeFragment, postFragment, postResult, unknownJob } from '../support/results.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';

async function read(server: TestServer, path: string, wait = 20) {
  const began = performance.now();
  const response = await server.request(path, { headers: { ...bearer(server), prefer: `wait=${wait}` } });
  const body = response.status === 200 ? ((await response.json()) as Record<string, unknown>) : undefined;
  const { status, headers } = response;
  return { status, body, applied: headers.get('preference-applied'), ms: performance.now() - began };
}

const countWaits = ({ deps: { jobTopics } }: TestServer) => jobTopics.states.count + jobTopics.logs.count;

test('a waiting request for a result gets the next state, whichever process receives it', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.connection.db.databaseName });
  const jobId = await submit(server);
  const states: unknown[] = [];
  const changes: (() => Promise<unknown>)[] = [
    () => claim(second),
    () => postResult(second, jobId, { job_state: 'setup' }),
    // The state does not change, so the request keeps waiting.
    () => postResult(second, jobId, { status: { setup: 0 } }),
    () => postResult(second, jobId, { job_state: 'test' }),
    () => second.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' })),
  ];
  let waiting = read(server, `/v1/result/${jobId}`);
  for (const [n, change] of changes.entries()) {
    await until(t, () => countWaits(server) === 1);
    await change();
    if (n === 2) continue;
    const { body, applied } = await waiting;
    states.push(body?.job_state);
    t.is(applied, 'wait=20');
    if (n < 4) waiting = read(server, `/v1/result/${jobId}`);
  }
  t.deepEqual(states, ['running', 'setup', 'test', 'cancelled']);
  t.is((await read(server, `/v1/result/${jobId}`)).body?.job_state, 'cancelled');
  t.is((await read(server, `/v1/result/${unknownJob()}`)).status, 204);
  t.is(countWaits(server), 0);
});

test('a waiting request for a log gets the next fragment, or a response when the job ends', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.connection.db.databaseName });
  const jobId = await submit(server);
  await claim(server);
  const path = (first: number) => `/v1/result/${jobId}/log/output?start_fragment=${first}&phase=test`;
  const textOf = ({ body }: Awaited<ReturnType<typeof read>>) =>
    (body?.output as Record<string, LogOfPhase>).test?.log_data;
  for (const n of [0, 1]) {
    const waiting = read(server, path(n));
    await until(t, () => countWaits(server) === 2);
    await postFragment(second, jobId, makeFragment({ fragment_number: n, log_data: `piece ${n}\n` }));
    t.is(textOf(await waiting), `piece ${n}\n`);
  }
  t.is(textOf(await read(server, path(1))), 'piece 1\n', 'existing fragments are returned at once');
  const last = read(server, path(2));
  await until(t, () => countWaits(server) === 2);
  await postResult(second, jobId, { job_state: 'complete' });
  t.is(textOf(await last), '');
  t.is(textOf(await read(server, path(2))), '');
  t.is(countWaits(server), 0);
});

test('a waiting request gets the current content when its time is over, and all of them do when the process shuts down', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  const short = await read(server, `/v1/result/${jobId}`, 1);
  t.is(short.body?.job_state, 'waiting');
  t.true(short.ms >= 1000);
  const waiting = [read(server, `/v1/result/${jobId}`), read(server, `/v1/result/${jobId}/log/serial`)];
  await until(t, () => countWaits(server) === 3);
  const stopped = server.stop();
  for (const { status } of await Promise.all(waiting)) t.is(status, 200);
  await stopped;
});

test('a client that disconnects before its wait begins leaves no waiting request behind', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  const { jobs } = server.deps.collections;
  const find = jobs.find.bind(jobs) as (...given: unknown[]) => { toArray(): Promise<unknown[]> };
  const leaving = new AbortController();
  let isRead = false;
  Object.assign(jobs, {
    find: (...given: unknown[]) => ({
      async toArray() {
        Object.assign(jobs, { find });
        leaving.abort();
        await until(t, () => gone);
        isRead = true;
        return find(...given).toArray();
      },
    }),
  });
  let gone = false;
  const headers = { ...bearer(server), prefer: 'wait=30' };
  const asked = server.request(`/v1/result/${jobId}`, { headers, signal: leaving.signal });
  await t.throwsAsync(asked, { any: true });
  // The server notices the disconnect in the next turns of its event loop.
  await new Promise((done) => setTimeout(done, 100));
  gone = true;
  await until(t, () => isRead);
  await new Promise((done) => setTimeout(done, 300));
  await until(t, () => countWaits(server) === 0, 10);
});
