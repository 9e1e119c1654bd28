import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';

type Headers = Record<string, string>;

async function post(server: TestServer, job: object, headers: Headers): Promise<[number, unknown]> {
  const response = await server.request('/v1/job', jsonBody({ job_queue: 'q1', ...job }, headers));
  const body = (await response.json()) as { job_id?: string };
  return [response.status, body.job_id ?? body];
}

const withKey = (server: TestServer, key: string, client = 'ci'): Headers => ({
  ...bearer(server, { client_id: client, max_priority: { q1: 5 } }),
  'idempotency-key': key,
});
const countJobs = (server: TestServer) => server.deps.collections.jobs.countDocuments();
const otherBody = { message: 'Idempotency-Key was already used with another body', detail: {} };
const canonical = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';

test('requests with the same key and body create one job: in sequence, concurrently, and through two servers', async (t) => {
  const server = await startServer(t);
  const { dbName } = server.deps.collections.jobs;
  const second = await startServer(t, { database: dbName });
  const headers = withKey(server, 'k1');
  const first = await post(server, { name: 'a' }, headers);
  t.is(first[0], 200);
  t.deepEqual(await post(server, { name: 'a' }, headers), first);
  t.deepEqual(await post(second, { name: 'a' }, headers), first);
  const many = await Promise.all(
    Array.from({ length: 40 }, (_, i) => post(i % 2 ? server : second, { name: 'b' }, withKey(server, 'k2'))),
  );
  t.is(new Set(many.map((answer) => JSON.stringify(answer))).size, 1);
  t.is(many[0]?.[0], 200);
  t.is(await countJobs(server), 2);
  t.not((await post(server, { name: 'a' }, withKey(server, 'k3')))[1], first[1]);
});

test('a key with a different body is refused, and nothing is stored', async (t) => {
  const server = await startServer(t);
  await post(server, { name: 'a' }, withKey(server, 'k'));
  t.deepEqual(await post(server, { name: 'b' }, withKey(server, 'k')), [422, otherBody]);
  t.deepEqual(await post(server, { name: 'a', job_priority: 0 }, withKey(server, 'k')), [422, otherBody]);
  t.is(await countJobs(server), 1);
});

test('each client has its own keys, and so do anonymous callers', async (t) => {
  const server = await startServer(t);
  const anonymous = { 'idempotency-key': 'k' };
  const ids = [
    await post(server, {}, withKey(server, 'k', 'a')),
    await post(server, {}, withKey(server, 'k', 'b')),
    await post(server, {}, withKey(server, 'k', 'anonymous')),
    await post(server, {}, anonymous),
  ].map(([, id]) => id);
  t.is(new Set(ids).size, 4);
  t.deepEqual(await post(server, {}, anonymous), [200, ids[3]]);
});

test('without a key, or with an empty one, each submission creates a job', async (t) => {
  const server = await startServer(t);
  const plain = bearer(server, { client_id: 'ci' });
  for (const headers of [plain, plain, withKey(server, ''), withKey(server, '')])
    await post(server, {}, headers);
  t.is(await countJobs(server), 4);
});

test('a key is kept for a day, and no longer', async (t) => {
  let now = Date.now();
  const clock = clockOf(() => new Date(now));
  const server = await startServer(t, { clock });
  const key = () => ({ ...withKey(server, 'k') });
  const [, first] = await post(server, {}, key());
  now += 24 * 3600 * 1000 - 1;
  t.deepEqual(await post(server, {}, key()), [200, first]);
  now += 1;
  const [status, second] = await post(server, { name: 'other' }, key());
  t.is(status, 200);
  t.not(second, first);
  t.deepEqual(await post(server, { name: 'other' }, key()), [200, second]);
  t.is(await countJobs(server), 2);
});

test('a repeat gets the response of the first request, even if the rules would refuse it now', async (t) => {
  const server = await startServer(t);
  const urgent = { job_priority: 5, exclude_agents: ['a1'] };
  const { agents } = server.deps.collections;
  await agents.insertOne({ name: 'a2', queues: ['q1'] });
  const first = await post(server, urgent, withKey(server, 'k'));
  t.is(first[0], 200);
  await agents.deleteMany({});
  const without = { ...bearer(server, { client_id: 'ci' }), 'idempotency-key': 'k' };
  t.deepEqual(await post(server, urgent, without), first);
});

test('a repeat of a job with its own id does not restart it', async (t) => {
  const server = await startServer(t);
  const job = { job_id: canonical.toUpperCase() };
  t.deepEqual(await post(server, job, withKey(server, 'k')), [200, job.job_id]);
  const { jobs } = server.deps.collections;
  await jobs.updateOne({ job_id: canonical }, { $set: { 'result_data.job_state': 'running' } });
  t.deepEqual(await post(server, job, withKey(server, 'k')), [200, job.job_id]);
  t.is((await jobs.findOne({}))?.result_data.job_state, 'running');
  t.deepEqual(await post(server, job, withKey(server, 'k2')), [200, job.job_id]);
  t.is((await jobs.findOne({}))?.result_data.job_state, 'waiting');
  t.is(await countJobs(server), 1);
});

test('a repeat after the server was killed gets the stored job from the next server', async (t) => {
  const server = await startServer(t);
  const headers = withKey(server, 'k');
  const [, id] = await post(server, { name: 'a' }, headers);
  const { jobs } = server.deps.collections;
  const stored = await jobs.findOne({}, { projection: { _id: 0 } });
  await jobs.deleteMany({});
  // Keep only what the killed server wrote to the database.
  if (stored) await jobs.insertOne(stored as never);
  const second = await startServer(t, { database: jobs.dbName });
  t.deepEqual(await post(second, { name: 'a' }, headers), [200, id]);
  t.is(await countJobs(server), 1);
});

test('neither the key nor the body is stored in plain text', async (t) => {
  const server = await startServer(t);
  await post(server, {}, withKey(server, 'a-key-that-is-a-secret-by-mistake'));
  const stored = JSON.stringify(await server.deps.collections.jobs.findOne({}));
  t.false(stored.includes('a-key-that-is-a-secret'));
});

test('a late repeat returns its job and does not restart it, also after a submission with another key', async (t) => {
  const server = await startServer(t);
  const job = { job_id: canonical };
  await post(server, job, withKey(server, 'first'));
  await post(server, job, withKey(server, 'second'));
  await post(server, job, bearer(server, { client_id: 'ci' }));
  const { jobs } = server.deps.collections;
  await jobs.updateOne({ job_id: canonical }, { $set: { 'result_data.job_state': 'running' } });
  for (const key of ['first', 'second']) {
    t.deepEqual(await post(server, job, withKey(server, key)), [200, canonical], key);
  }
  t.is((await jobs.findOne({ job_id: canonical }))?.result_data.job_state, 'running');
});
