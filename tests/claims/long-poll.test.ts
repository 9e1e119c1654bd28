import { setTimeout as pause } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { MongoNetworkError, type WithId } from 'mongodb';
import { releaseClaim } from '../../server/claims/release-claim.js';
import { readWait } from '../../server/http/prefer-wait.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { passTime, startLeaseServer } from '../support/leases.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';
import { makeBytes, upload } from '../support/uploads.js';

interface Poll {
  status: number;
  jobId: string | undefined;
  applied: string | null;
  retryAfter: string | null;
  ms: number;
}

interface PollOptions {
  queues?: string[];
  agent?: string;
  wait?: number;
  signal?: AbortSignal;
}

async function poll(
  server: TestServer,
  { queues = ['q1'], agent = 'agent-1', wait = 20, signal }: PollOptions = {},
): Promise<Poll> {
  const began = performance.now();
  const headers = { ...agentHeaders(server, agent), prefer: `wait=${wait}` };
  const query = queues.map((queue) => `queue=${queue}`).join('&');
  const response = await server.request(`/v1/job?${query}`, { headers, ...(signal && { signal }) });
  const body = response.status === 200 ? ((await response.json()) as { job_id: string }) : undefined;
  return {
    status: response.status,
    jobId: body?.job_id,
    applied: response.headers.get('preference-applied'),
    retryAfter: response.headers.get('retry-after'),
    ms: performance.now() - began,
  };
}

/** Resolves when exactly `count` claims wait and none of them runs a query. */
function untilWaiting(t: ExecutionContext, server: TestServer, count: number): Promise<void> {
  const { jobWaiters, claimableFeed } = server.deps;
  return until(t, () => claimableFeed.isLive && jobWaiters.count === count);
}

test('the wait time is read from the Prefer header', (t) => {
  const cases: [string | undefined, number][] = [
    [undefined, 0],
    ['', 0],
    ['wait=7', 7],
    ['Wait = "7"', 7],
    ['respond-async, wait=10', 10],
    ['wait=100000', 60],
    ['wait=7; foo=bar', 7],
    ['wait=5, wait=9', 5],
    ['wait', 0],
    ['wait=', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['wait=x, wait=9', 0],
    ['waiter=9', 0],
    ['handling=lenient; wait=4', 0],
  ];
  for (const [header, seconds] of cases) t.is(readWait(header), seconds, header);
});

test('a waiting poll gets the next job, whichever process it is submitted to', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.connection.db.databaseName });
  const waiting = poll(server);
  await untilWaiting(t, server, 1);
  const jobId = await submit(second);
  const { ms: _ms, ...answer } = await waiting;
  t.deepEqual(answer, { status: 200, jobId, applied: 'wait=20', retryAfter: null });
  t.is(server.deps.jobWaiters.count, 0);
});

test('a waiting job is returned at once, and without one 204 is returned after the wait time, or at once without the header', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  t.is((await poll(server)).jobId, jobId);
  const empty = await poll(server, { wait: 1 });
  t.like(empty, { status: 204, applied: 'wait=1', retryAfter: null });
  t.true(empty.ms >= 1000);
  const response = await server.request('/v1/job?queue=q1', { headers: agentHeaders(server) });
  t.is(response.status, 204);
  t.is(response.headers.get('preference-applied'), null);
});

test('one job wakes one waiter: the first of those that wait for its queue and are not excluded', async (t) => {
  const server = await startServer(t);
  const polls: Promise<Poll>[] = [];
  const asked: PollOptions[] = [
    { agent: 'excluded' },
    { agent: 'other', queues: ['q2'] },
    { agent: 'first', queues: ['q3', 'q1'] },
    { agent: 'second' },
  ];
  for (const [n, options] of asked.entries()) {
    polls.push(poll(server, options));
    await untilWaiting(t, server, n + 1);
  }
  await server.deps.collections.agents.insertMany([{ name: 'excluded' }, { name: 'first', queues: ['q1'] }]);
  let queries = 0;
  const { jobs } = server.deps.collections;
  const find = jobs.findOneAndUpdate.bind(jobs);
  jobs.findOneAndUpdate = ((...given: Parameters<typeof find>) => {
    queries += 1;
    return find(...given);
  }) as typeof find;
  const one = await submit(server, { exclude_agents: ['excluded'] });
  t.is((await (polls[2] as Promise<Poll>)).jobId, one);
  t.is(queries, 1);
  const two = await submit(server, { exclude_agents: ['excluded'] });
  t.is((await (polls[3] as Promise<Poll>)).jobId, two);
  const three = await submit(server);
  t.is((await (polls[0] as Promise<Poll>)).jobId, three);
  const four = await submit(server, { job_queue: 'q2' });
  t.is((await (polls[1] as Promise<Poll>)).jobId, four);
  t.is(queries, 4);
});

test('a burst of jobs goes to as many waiters, each job once', async (t) => {
  const server = await startServer(t);
  const agents = Array.from({ length: 40 }, (_, i) => `agent-${i}`);
  const polls = agents.map((agent) => poll(server, { agent }));
  await untilWaiting(t, server, 40);
  const jobs = await Promise.all(agents.slice(0, 30).map(() => submit(server)));
  await until(t, () => server.deps.jobWaiters.count === 10);
  jobs.push(...(await Promise.all(agents.slice(30).map(() => submit(server)))));
  const answers = await Promise.all(polls);
  t.deepEqual(answers.map(({ jobId }) => jobId).sort(), jobs.sort());
});

test('completed attachments and a lost lease wake a waiter', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server, { test_data: { attachments: [{ agent: 'a' }] } });
  const first = poll(server, { agent: 'a' });
  await untilWaiting(t, server, 1);
  t.is(
    (await server.request(`/v1/job/${jobId}/attachments`, upload(makeBytes(10), bearer(server)))).status,
    200,
  );
  t.is((await first).jobId, jobId);
  const second = poll(server, { agent: 'b' });
  await untilWaiting(t, server, 1);
  await passTime(server, 900);
  t.is((await second).jobId, jobId);
});

test('a job whose claim response was not delivered goes to the waiter', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  await claim(server);
  const waiting = poll(server, { agent: 'b' });
  await untilWaiting(t, server, 1);
  const { deps } = server;
  await releaseClaim(deps, (await deps.collections.jobs.findOne({ job_id: jobId })) as WithId<JobRecord>);
  t.is((await waiting).jobId, jobId);
});

test('a waiter whose client has disconnected claims no job, and the job goes to the next waiter', async (t) => {
  const server = await startServer(t);
  const leaving = new AbortController();
  const gone = poll(server, { agent: 'gone', signal: leaving.signal });
  await untilWaiting(t, server, 1);
  const staying = poll(server, { agent: 'staying' });
  await untilWaiting(t, server, 2);
  leaving.abort();
  await t.throwsAsync(gone, { any: true });
  const jobId = await submit(server);
  t.is((await staying).jobId, jobId);
  t.is((await server.deps.collections.jobs.findOne({ job_id: jobId }))?.lease?.attempt, 1);
});

test('a cancelled job goes to no waiter, and goes to one when it is submitted again', async (t) => {
  const server = await startServer(t);
  const jobId = '4fcd9e02-5ab4-4ea9-bb2c-7cbd1b9f1bf7';
  await submit(server, { job_id: jobId });
  await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }));
  const waiting = poll(server);
  await untilWaiting(t, server, 1);
  await submit(server, { job_id: jobId });
  t.is((await waiting).jobId, jobId);
});

test('when the process shuts down all waiters get 204 with Retry-After: 0', async (t) => {
  const server = await startServer(t);
  const waiting = [poll(server), poll(server, { agent: 'b' })];
  await untilWaiting(t, server, 2);
  const stopped = server.stop();
  for (const answer of await Promise.all(waiting)) t.like(answer, { status: 204, retryAfter: '0' });
  await stopped;
});

test('a waiter that is woken for a job that another agent has claimed keeps waiting, and keeps its place', async (t) => {
  const server = await startServer(t);
  const waiting = poll(server, { agent: 'a' });
  await untilWaiting(t, server, 1);
  const later = poll(server, { agent: 'b' });
  await untilWaiting(t, server, 2);
  server.deps.jobWaiters.wake({ id: 'one that another took', queue: 'q1', excluded: [] });
  await untilWaiting(t, server, 2);
  const jobId = await submit(server);
  t.is((await waiting).jobId, jobId);
  const second = await submit(server);
  t.is((await later).jobId, second);
});

test('a waiter that claims a different job than the one that woke it leaves that job to the next waiter', async (t) => {
  const server = await startServer(t);
  const { deps } = server;
  const { jobWaiters } = deps;
  // Delay the query until both jobs are stored, as when jobs arrive together.
  const add = deps.claims.add.bind(deps.claims);
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const parts: Record<string, PollOptions> = {
    a: { agent: 'a', queues: ['q1', 'q2'] },
    b: { agent: 'b', queues: ['q2'] },
    c: { agent: 'c', queues: ['q1'] },
  };
  const polls: Record<string, Promise<Poll>> = {};
  for (const [n, [name, options]] of Object.entries(parts).entries()) {
    polls[name] = poll(server, { ...options, wait: 30 });
    await untilWaiting(t, server, n + 1);
  }
  deps.claims.add = async (claimer, bytes) => {
    await held;
    return add(claimer, bytes);
  };
  const first = await submit(server, { job_queue: 'q1' });
  await until(t, () => jobWaiters.count === 2);
  const second = await submit(server, { job_queue: 'q2', job_priority: 0 });
  await until(t, () => jobWaiters.count === 1);
  // Its priority makes it the better job for both waiters.
  await deps.collections.jobs.updateOne({ job_id: second }, { $set: { job_priority: 5 } });
  release();
  t.is((await (polls.a as Promise<Poll>)).jobId, second);
  t.is((await (polls.c as Promise<Poll>)).jobId, first);
  jobWaiters.end();
  t.is((await (polls.b as Promise<Poll>)).status, 204);
});

test('without a change stream jobs are polled for once a second, and the stream is reopened automatically', async (t) => {
  const server = await startServer(t);
  const waiting = poll(server);
  await untilWaiting(t, server, 1);
  const { db } = server.deps.connection;
  // As after a failover that invalidated the stream: the collection that it watches no longer exists.
  await db.collection('jobs').rename('jobs_before');
  await until(t, () => !server.deps.claimableFeed.isLive);
  const jobId = await submit(server);
  t.is((await waiting).jobId, jobId);
  await until(t, () => server.deps.claimableFeed.isLive);
  const again = poll(server);
  await untilWaiting(t, server, 1);
  await pause(50);
  const second = await submit(server);
  t.is((await again).jobId, second);
  t.is(await claim(server), undefined);
});

test('a waiter keeps waiting after a query that MongoDB did not answer, and gets 503 only when its time is almost over', async (t) => {
  const server = await startServer(t);
  const { deps } = server;
  const add = deps.claims.add.bind(deps.claims);
  const waiting = poll(server);
  await untilWaiting(t, server, 1);
  deps.claims.add = () => Promise.reject(new MongoNetworkError('gone'));
  deps.jobWaiters.wakeAll();
  await until(t, () => deps.jobWaiters.count === 0);
  t.is((await poll(server, { agent: 'b', wait: 1 })).status, 503);
  deps.claims.add = add;
  const jobId = await submit(server);
  t.like(await waiting, { status: 200, jobId });
});
