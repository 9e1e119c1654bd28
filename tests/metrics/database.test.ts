import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Registry } from 'prom-client';
import { waitingByQueue } from '../../server/claims/measure-queues.js';
import { createMetrics } from '../../server/core/metric-registry.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { leasesByState } from '../../server/leases/measure-leases.js';
import { processMetrics } from '../../server/metrics/metrics.js';
import { watchEventLoop } from '../../server/metrics/watch-event-loop.js';
import { claim, submit } from '../support/jobs.js';
import { sendResult, startLeaseServer } from '../support/leases.js';
import { readMetrics, type Scrape, scrape, serveMetrics } from '../support/metrics.js';
import { waitUntil } from '../support/own-mongod.js';
import { startServer, type TestServer } from '../support/start-server.js';

async function insertJobs({ deps }: TestServer, queues: string[], fields: Partial<JobRecord> = {}) {
  const jobs = queues.map(
    (queue): JobRecord => ({
      job_id: randomUUID(),
      live: true,
      created_at: deps.clock.now(),
      job_priority: 0,
      job_data: { job_queue: queue },
      result_data: { job_state: 'waiting' },
      ...fields,
    }),
  );
  await deps.collections.jobs.insertMany(jobs);
}

test('the number of waiting jobs and the age of the oldest are reported by queue, and disappear when no job waits', async (t) => {
  const server = await startLeaseServer(t);
  await submit(server);
  server.clock.move(100);
  await submit(server, { job_priority: 0 });
  await submit(server, { job_queue: 'q"2\\\n' });
  server.clock.move(20);
  const metrics = await scrape(t, server);
  t.deepEqual(metrics.byLabels('queuepass_queue_waiting_jobs'), { q1: 2, 'q\\"2\\\\\\n': 1 });
  t.deepEqual(metrics.byLabels('queuepass_queue_oldest_waiting_seconds'), { q1: 120, 'q\\"2\\\\\\n': 20 });
  t.true(Math.abs(metrics.value('queuepass_queues_measured_timestamp_seconds') - Date.now() / 1000) < 60);
  for (let n = 0; n < 2; n += 1) await claim(server);
  const after = await scrape(t, server);
  t.deepEqual(Object.values(after.byLabels('queuepass_queue_waiting_jobs')), [1]);
  t.deepEqual(Object.values(after.byLabels('queuepass_queue_oldest_waiting_seconds')), [20]);
});

test('of many queues the ones with the most jobs have their own values, and the others are summed', async (t) => {
  const server = await startLeaseServer(t);
  const queues = Array.from({ length: 300 }, (_, n) => `queue-${n}`);
  await insertJobs(server, queues);
  await insertJobs(server, ['queue-299', 'queue-299', 'x'.repeat(101), 'x'.repeat(101)]);
  server.clock.move(50);
  const waiting = (await scrape(t, server)).byLabels('queuepass_queue_waiting_jobs');
  t.is(Object.keys(waiting).length, 200);
  t.is(waiting['queue-299'], 3);
  // A queue whose name is too long takes one of the 200 places and is counted with the rest.
  t.is(waiting.other, 101 + 2);
  const sum = Object.values(waiting).reduce((all, one) => all + one, 0);
  t.is(sum, 304);
});

test('leases are counted by the state of their job, and states that are not phases are summed', async (t) => {
  const server = await startServer(t);
  const states = [undefined, 'provision', 'provision', 'my own word', 'another'];
  for (const state of states) {
    const jobId = await submit(server);
    await claim(server);
    if (state !== undefined) await sendResult(server, 'agent-1', jobId, { job_state: state });
  }
  await submit(server);
  t.deepEqual((await scrape(t, server)).counted('queuepass_leases'), { running: 1, provision: 2, other: 2 });
  const off = await startServer(t, {
    settings: { AGENT_LEASES: 'off' },
    database: server.deps.connection.db.databaseName,
  });
  const metrics = await scrape(t, off);
  t.deepEqual(metrics.byLabels('queuepass_leases'), {});
});

test('the counts of waiting jobs read only the index, and the counts of leases read only jobs with a lease', async (t) => {
  const server = await startServer(t, { newDatabase: true });
  await insertJobs(server, Array<string>(200).fill('q1'));
  await insertJobs(server, Array<string>(200).fill('q1'), { result_data: { job_state: 'complete' } });
  await insertJobs(server, ['q1', 'q1'], {
    result_data: { job_state: 'running' },
    lease: { attempt: 1, holder: 'a', until: new Date(Date.now() + 60_000) },
  });
  const examined = async (pipeline: object[]) => {
    const explained = await server.deps.collections.jobs.aggregate(pipeline).explain('executionStats');
    const stats = (explained.stages?.[0]?.$cursor ?? explained).executionStats;
    return [stats.totalKeysExamined, stats.totalDocsExamined];
  };
  const [keys, docs] = await examined(waitingByQueue);
  t.true(keys >= 200 && keys <= 201, String(keys));
  t.is(docs, 0);
  const [leaseKeys, leaseDocs] = await examined(leasesByState);
  t.true(leaseKeys <= 3, String(leaseKeys));
  t.is(leaseDocs, 2);
});

test('however often metrics are scraped, the database is counted once in ten seconds', async (t) => {
  const server = await startServer(t);
  await submit(server);
  const url = await serveMetrics(t, server);
  const together = await Promise.all(Array.from({ length: 20 }, () => readMetrics(url)));
  for (const metrics of together) t.deepEqual(metrics.byLabels('queuepass_queue_waiting_jobs'), { q1: 1 });
  await submit(server);
  const again = await readMetrics(url);
  t.deepEqual(again.byLabels('queuepass_queue_waiting_jobs'), { q1: 1 });
  const measured = 'queuepass_queues_measured_timestamp_seconds';
  t.deepEqual(new Set(together.map((metrics) => metrics.value(measured))), new Set([again.value(measured)]));
});

test('the connection pool is measured: command times, waiting commands, and whether there is a primary', async (t) => {
  const server = await startServer(t, { settings: { MONGODB_MAX_POOL_SIZE: '2' } });
  const { db } = server.deps.connection;
  const url = await serveMetrics(t, server);
  await db.collection('agents').insertOne({ name: 'a' });
  const before = await readMetrics(url);
  const slow = () => db.collection('agents').findOne({ $where: 'sleep(1000) || true' } as object);
  const running = Promise.all(Array.from({ length: 5 }, slow));
  let during = before;
  await waitUntil(async () => {
    during = await readMetrics(url);
    return during.value('queuepass_mongodb_commands_waiting') > 0;
  });
  t.is(during.value('queuepass_mongodb_connections_in_use'), 2);
  t.is(during.value('queuepass_mongodb_connections_open'), 2);
  await running;
  const after = await readMetrics(url);
  t.is(after.value('queuepass_mongodb_connections_in_use'), 0);
  t.is(after.value('queuepass_mongodb_commands_waiting'), 0);
  t.is(after.value('queuepass_mongodb_connections_limit'), 2);
  t.is(after.value('queuepass_mongodb_primary_known'), 1);
  const slower = (metrics: Scrape) =>
    metrics.value('queuepass_mongodb_command_seconds_count') -
    (metrics.byLabels('queuepass_mongodb_command_seconds_bucket')['0.5'] as number);
  t.true(slower(after) - slower(before) >= 5);
  await server.stop();
  const closed = await readMetrics(url);
  t.is(closed.value('queuepass_mongodb_connections_open'), 0);
});

test('commands that get no connection are counted', async (t) => {
  const server = await startServer(t, { settings: { MONGODB_MAX_POOL_SIZE: '1' } });
  const { db } = server.deps.connection;
  const url = await serveMetrics(t, server);
  await db.collection('agents').insertOne({ name: 'a' });
  const slow = db.collection('agents').findOne({ $where: 'sleep(7000) || true' } as object);
  // The slow command takes longer than another one waits for a connection.
  await t.throwsAsync(db.collection('agents').findOne({}), { message: /Timed out/ });
  await slow;
  const metrics = await readMetrics(url);
  t.deepEqual(metrics.counted('queuepass_mongodb_connection_failures_total'), { timeout: 1 });
  t.is(metrics.value('queuepass_mongodb_commands_waiting'), 0);
});

test('work that blocks the event loop is measured as lag', async (t) => {
  const metrics = createMetrics(new Registry(), processMetrics);
  const end = watchEventLoop(metrics);
  t.teardown(end);
  const above = async (seconds: string) => {
    const { values } = await metrics.eventLoopLag.get();
    const find = (le: string | number) =>
      values.find(({ labels }) => (labels as { le?: unknown }).le === le)?.value ?? 0;
    return find('+Inf') - find(Number(seconds));
  };
  for (const until = performance.now() + 600; performance.now() < until; );
  await waitUntil(async () => (await above('0.25')) > 0);
  t.is(await above('1'), 0);
});
