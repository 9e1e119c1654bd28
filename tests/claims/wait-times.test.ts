import test from 'ava';
import { findPercentiles } from '../../server/queues/read-wait-times.js';
import { claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const read = async ({ request }: TestServer, query = ''): Promise<unknown> =>
  (await request(`/v1/queues/wait_times${query}`)).json();

test.serial('percentiles are interpolated between the closest ranks', (t) => {
  t.deepEqual(findPercentiles([]), {});
  t.deepEqual(findPercentiles([7]), { 5: 7, 10: 7, 50: 7, 90: 7, 95: 7 });
  t.deepEqual(findPercentiles([30, 10, 20]), { 5: 11, 10: 12, 50: 20, 90: 28, 95: 29 });
});

test.serial('the wait times of all queues, or of the named queues, are returned by queue', async (t) => {
  const server = await startServer(t);
  t.deepEqual(await read(server), {});
  await server.deps.collections.queueWaitTimes.insertMany([
    { name: 'a.b', wait_times: [10, 20, 30] },
    { name: '$q', wait_times: [5] },
    { name: 'unused', wait_times: [] },
  ]);
  const ab = { 5: 11, 10: 12, 50: 20, 90: 28, 95: 29 };
  const one = { 5: 5, 10: 5, 50: 5, 90: 5, 95: 5 };
  t.deepEqual(await read(server), { 'a.b': ab, $q: one, unused: {} });
  t.deepEqual(await read(server, '?queue=a.b&queue=nobody&other=1'), { 'a.b': ab });
  t.deepEqual(await read(server, '?queue=a.b&queue=unused'), { 'a.b': ab, unused: {} });
  t.deepEqual(await read(server, '?queue=nobody'), {});
});

test.serial('only the newest 1,000 samples count, and a longer record is shortened', async (t) => {
  const server = await startServer(t);
  const { collections, waitTimes } = server.deps;
  const grown = [...Array<number>(5000).fill(1e9), ...Array<number>(1000).fill(2)];
  await collections.queueWaitTimes.insertOne({ name: 'q1', wait_times: grown });
  t.deepEqual(await read(server), { q1: { 5: 2, 10: 2, 50: 2, 90: 2, 95: 2 } });
  for (let i = 0; i < 1500; i += 1) waitTimes.add('q1', i);
  await waitTimes.flush();
  const [stored, ...more] = await collections.queueWaitTimes.find().toArray();
  t.is(more.length, 0);
  t.deepEqual(
    stored?.wait_times,
    Array.from({ length: 1000 }, (_, i) => i + 500),
  );
});

test.serial('each claim adds the wait time of its job, in seconds', async (t) => {
  const server = await startServer(t);
  const job = await submit(server);
  const { jobs, queueWaitTimes } = server.deps.collections;
  await jobs.updateOne({ job_id: job }, { $set: { created_at: new Date(Date.now() - 100_000) } });
  await claim(server);
  t.is(await claim(server), undefined);
  await server.deps.waitTimes.flush();
  const [stored, ...more] = await queueWaitTimes.find().toArray();
  t.is(more.length, 0);
  t.is(stored?.name, 'q1');
  t.is(stored?.wait_times.length, 1);
  const waited = stored?.wait_times[0] ?? 0;
  t.true(waited >= 99 && waited < 200, `${waited}`);
});

test.serial(
  'concurrent samples of several processes make one record, and a shutdown writes the rest',
  async (t) => {
    const server = await startServer(t);
    const database = server.deps.connection.db.databaseName;
    const others = await Promise.all([1, 2, 3].map(() => startServer(t, { database })));
    for (const { deps } of others) for (const wait of [1, 2, 3]) deps.waitTimes.add('new', wait);
    await Promise.all(others.map((other) => other.stop()));
    const stored = await server.deps.collections.queueWaitTimes.find().toArray();
    t.deepEqual(
      stored.map(({ name, live, wait_times }) => [name, live, wait_times.length]),
      [['new', true, 9]],
    );
  },
);

test.serial('samples that cannot be written are dropped with a warning, and no claim fails', async (t) => {
  const server = await startServer(t);
  // The field must be an array, so every push to it fails.
  await server.deps.collections.queueWaitTimes.insertOne({ name: 'q1', wait_times: 'text' as never });
  await submit(server);
  t.truthy(await claim(server));
  await t.notThrowsAsync(server.deps.waitTimes.flush());
  t.true(server.logged.some(({ msg, level }) => msg === 'could not write wait times' && level === 'warn'));
});
