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

const waits = ({ deps: { newsOfJobs } }: TestServer) => newsOfJobs.states.count + newsOfJobs.logs.count;

test('a result that is waited for comes with the next state, by whichever process it is told', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.connection.db.databaseName });
  const jobId = await submit(server);
  const told: unknown[] = [];
  const changes: (() => Promise<unknown>)[] = [
    () => claim(second),
    () => postResult(second, jobId, { job_state: 'setup' }),
    // No new state: nobody is told.
    () => postResult(second, jobId, { status: { setup: 0 } }),
    () => postResult(second, jobId, { job_state: 'test' }),
    () => second.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' })),
  ];
  let waiting = read(server, `/v1/result/${jobId}`);
  for (const [n, change] of changes.entries()) {
    await until(t, () => waits(server) === 1);
    await change();
    if (n === 2) continue;
    const { body, applied } = await waiting;
    told.push(body?.job_state);
    t.is(applied, 'wait=20');
    if (n < 4) waiting = read(server, `/v1/result/${jobId}`);
  }
  t.deepEqual(told, ['running', 'setup', 'test', 'cancelled']);
  t.is((await read(server, `/v1/result/${jobId}`)).body?.job_state, 'cancelled');
  t.is((await read(server, `/v1/result/${unknownJob()}`)).status, 204);
  t.is(waits(server), 0);
});

test('a log that is waited for comes with its next piece, or with the end of the job', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.connection.db.databaseName });
  const jobId = await submit(server);
  await claim(server);
  const path = (first: number) => `/v1/result/${jobId}/log/output?start_fragment=${first}&phase=test`;
  const textOf = ({ body }: Awaited<ReturnType<typeof read>>) =>
    (body?.output as Record<string, LogOfPhase>).test?.log_data;
  for (const n of [0, 1]) {
    const waiting = read(server, path(n));
    await until(t, () => waits(server) === 2);
    await postFragment(second, jobId, makeFragment({ fragment_number: n, log_data: `piece ${n}\n` }));
    t.is(textOf(await waiting), `piece ${n}\n`);
  }
  t.is(textOf(await read(server, path(1))), 'piece 1\n', 'what is there comes at once');
  const last = read(server, path(2));
  await until(t, () => waits(server) === 2);
  await postResult(second, jobId, { job_state: 'complete' });
  t.is(textOf(await last), '');
  t.is(textOf(await read(server, path(2))), '');
  t.is(waits(server), 0);
});

test('after its time a wait is answered with what is there, and at the end of the process all are', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  const short = await read(server, `/v1/result/${jobId}`, 1);
  t.is(short.body?.job_state, 'waiting');
  t.true(short.ms >= 1000);
  const waiting = [read(server, `/v1/result/${jobId}`), read(server, `/v1/result/${jobId}/log/serial`)];
  await until(t, () => waits(server) === 3);
  const stopped = server.stop();
  for (const { status } of await Promise.all(waiting)) t.is(status, 200);
  await stopped;
});

test('a client that went before its wait began leaves nothing that waits', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  const { jobs } = server.deps.collections;
  const findOne = jobs.findOne.bind(jobs) as (...given: unknown[]) => Promise<never>;
  const leaving = new AbortController();
  let isRead = false;
  Object.assign(jobs, {
    findOne: async (...given: unknown[]) => {
      leaving.abort();
      await until(t, () => gone);
      isRead = true;
      return findOne(...given);
    },
  });
  let gone = false;
  const headers = { ...bearer(server), prefer: 'wait=30' };
  const asked = server.request(`/v1/result/${jobId}`, { headers, signal: leaving.signal });
  await t.throwsAsync(asked, { any: true });
  // The server hears of it with the next turns of its event loop.
  await new Promise((done) => setTimeout(done, 100));
  gone = true;
  await until(t, () => isRead);
  await new Promise((done) => setTimeout(done, 300));
  await until(t, () => waits(server) === 0, 10);
});
