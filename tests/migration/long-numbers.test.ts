import test from 'ava';
import { Decimal128, Long } from 'mongodb';
import { adoptionTables } from '../../server/areas.js';
import { comparePriority } from '../../server/claims/compare-priority.js';
import { surveyDatabase } from '../../server/migration/survey.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { logIn } from '../support/logins.js';
import { startServer } from '../support/start-server.js';

const large = Long.fromString('1234567890123456789');
const ids = ['0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d', '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3e'];

/** Makes a waiting job as another server stores it. */
function storedJob(job_id: string | undefined, job_priority: unknown, more: object = {}): never {
  const job_data = { job_queue: 'q1', job_priority, ...more };
  return {
    job_id,
    live: true,
    created_at: new Date(),
    result_data: { job_state: 'waiting' },
    job_priority,
    job_data,
  } as never;
}

test('a 64-bit integer of an adopted job is returned with its digits, and its priority counts', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany([
    storedJob(ids[0], large.sub(1)),
    storedJob(ids[1], large, { allocate_data: { serial: [large] } }),
  ]);
  const last = await submit(server);
  const shown = await (await server.request(`/v1/job/${ids[1]}`)).text();
  t.true(
    shown.includes('"job_priority":1234567890123456789,"allocate_data":{"serial":[1234567890123456789]}'),
  );
  const places = await Promise.all(
    [ids[1], ids[0], last].map(async (id) => (await server.request(`/v1/job/${id}/position`)).text()),
  );
  t.deepEqual(places, ['0', '1', '2']);
  const claimed: string[] = [];
  for (let i = 0; i < 3; i++) {
    const response = await server.request('/v1/job?queue=q1', { headers: agentHeaders(server, `a${i}`) });
    claimed.push(await response.text());
  }
  t.true(claimed[0]?.includes('"job_priority":1234567890123456789'));
  t.true(claimed[1]?.includes('"job_priority":1234567890123456788'));
  t.true(claimed[2]?.includes(last));
});

test('a limit beyond 2^53-1 counts as that, and is written as that in tokens and answers', async (t) => {
  const server = await startServer(t);
  const secret = 'a client secret of good length';
  const max_priority = { '*': large, q2: large.neg(), q3: 5 } as never;
  await addClient(server, { client_id: 'old', max_priority }, secret);
  const bounded = { '*': 2 ** 53 - 1, q2: 1 - 2 ** 53, q3: 5 };
  const token = String((await logIn(server, 'old', secret)).body);
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    max_priority: object;
    permissions: { max_priority: object };
  };
  t.deepEqual(claims.max_priority, bounded);
  t.deepEqual(claims.permissions.max_priority, bounded);
  const admin = bearer(server, { role: 'admin' });
  const client = await server.request('/v1/client-permissions/old', { headers: admin });
  t.deepEqual(((await client.json()) as { max_priority: object }).max_priority, bounded);
  const authorization = `Bearer ${token}`;
  for (const job_priority of [100, 2 ** 53 - 1]) {
    const job = jsonBody({ job_queue: 'q1', job_priority }, { authorization });
    t.is((await server.request('/v1/job', job)).status, 200);
  }
  // A token that the other server signed states the whole number.
  const theirs = bearer(server, { client_id: 'old', max_priority: { '*': 2 ** 60 } });
  const job = jsonBody({ job_queue: 'q1', job_priority: 2 ** 53 - 1 }, theirs);
  t.is((await server.request('/v1/job', job)).status, 200);
});

test('priorities of all types are compared as MongoDB sorts them', async (t) => {
  const { deps } = await startServer(t);
  const values = [
    ...[0, -5, 7.5, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 60, null, undefined, 'text'],
    ...[large, large.add(1), large.neg(), Long.MAX_VALUE, Decimal128.fromString('7.25')],
  ];
  const collection = deps.connection.db.collection('values');
  await collection.insertMany(
    values.map((value, at) => ({ _id: at as never, ...(value !== undefined && { value }) })),
  );
  const stored = await collection.find().sort({ value: 1, _id: 1 }).toArray();
  const sorted = [...stored].sort(
    (a, b) => comparePriority(a.value, b.value) || Number(a._id) - Number(b._id),
  );
  t.deepEqual(
    sorted.map(({ _id }) => Number(_id)),
    stored.map(({ _id }) => Number(_id)),
  );
});

test('doctor counts jobs, clients and queues with 64-bit integers', async (t) => {
  const server = await startServer(t);
  await server.deps.collections.jobs.insertMany([
    storedJob(ids[0], large),
    storedJob(ids[1], 0, { a: [large] }),
  ]);
  await submit(server, { job_priority: 0 });
  await addClient(server, { client_id: 'old', max_priority: { '*': large } as never });
  await addClient(server, { client_id: 'new', max_priority: { '*': 2 ** 53 - 1 } });
  await server.deps.collections.queues.insertMany([
    { name: 'q1', images: { a: { serial: [large] } } },
    { name: 'q2', images: { a: { serial: [2 ** 40] } } },
    { name: 'q3' },
  ]);
  const images = (await server.request('/v1/agents/images/q1')).text();
  t.is(await images, '{"a":{"serial":[1234567890123456789]}}');
  const findings = await surveyDatabase(server.deps.connection.db, adoptionTables);
  const notesOf = (name: string) => findings.find(({ collection }) => collection === name)?.notes;
  t.deepEqual(notesOf('jobs'), [
    '2 have integers of more than 53 bits, which are kept and returned with all their digits',
  ]);
  t.deepEqual(notesOf('queues'), [
    '1 have images with integers of more than 53 bits, which are kept and returned with all their digits',
  ]);
  t.deepEqual(notesOf('client_permissions'), ['1 have a limit beyond 2^53-1, which counts as 2^53-1']);
});
