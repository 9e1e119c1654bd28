import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const asAgent = (server: TestServer) => bearer(server, { client_id: 'c', role: 'agent' });

const postData = (server: TestServer, name: string, body: unknown, headers: Record<string, string> = {}) =>
  server.request(`/v1/agents/data/${name}`, jsonBody(body, { ...asAgent(server), ...headers }));

async function show(server: TestServer, name: string): Promise<Record<string, unknown>> {
  const response = await server.request(`/v1/agents/data/${name}`);
  return (await response.json()) as Record<string, unknown>;
}

/** The cookie with the agent's name; the other one is of `remembered-agents.test.ts`. */
const cookieOf = (response: Response) => response.headers.getSetCookie()[0];

test('the data that an agent posts is merged with its earlier data, and its log is not returned', async (t) => {
  const server = await startServer(t);
  const first = await postData(server, 'a1', { state: 'waiting', comment: '', queues: ['q1'], log: ['x'] });
  t.is(first.status, 200);
  t.is(await first.text(), '{"status":"OK"}');
  await postData(server, 'a1', {
    state: 'offline',
    location: 'lab',
    provision_type: 'maas',
    identifier: 'i',
  });
  await postData(server, 'a1', { job_id: '' });
  const { updated_at, ...rest } = await show(server, 'a1');
  t.deepEqual(rest, {
    name: 'a1',
    state: 'offline',
    queues: ['q1'],
    location: 'lab',
    provision_type: 'maas',
    job_id: '',
    comment: '',
    identifier: 'i',
    restricted_to: {},
  });
  t.regex(String(updated_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
  t.is(await server.deps.collections.agents.countDocuments(), 1);
});

test('every post renews updated_at, even an empty post and one with another content type', async (t) => {
  const server = await startServer(t);
  const { agents } = server.deps.collections;
  const url = '/v1/agents/data/a1';
  for (const init of [
    jsonBody({}, asAgent(server)),
    { method: 'POST', headers: asAgent(server) },
    { method: 'POST', headers: { ...asAgent(server), 'content-type': 'text/plain' }, body: '{"state":"x"}' },
  ]) {
    await agents.updateOne({ name: 'a1' }, { $set: { updated_at: new Date(0) } }, { upsert: true });
    t.is((await server.request(url, init)).status, 200);
    const stored = await agents.findOne({ name: 'a1' });
    t.true((stored?.updated_at?.getTime() ?? 0) > 0);
    t.is(stored?.state, undefined);
  }
});

test('the last 100 lines of the log are kept, in order', async (t) => {
  const server = await startServer(t);
  const lines = (from: number, count: number) => Array.from({ length: count }, (_, i) => `line ${from + i}`);
  await postData(server, 'a1', { log: lines(0, 60) });
  await postData(server, 'a1', { log: lines(60, 60) });
  await postData(server, 'a1', { log: [] });
  const stored = () => server.deps.collections.agents.findOne({ name: 'a1' });
  t.deepEqual((await stored())?.log, lines(20, 100));
  await postData(server, 'a1', { log: lines(0, 300) });
  t.deepEqual((await stored())?.log, lines(200, 100));
});

test('the cookie contains the agent name, and has the Secure attribute only if the request came over https', async (t) => {
  const server = await startServer(t, { settings: { TRUST_PROXY: '1' } });
  const plain = 'agent_name=a1; HttpOnly; Path=/; SameSite=Strict';
  t.is(cookieOf(await postData(server, 'a1', {})), plain);
  t.is(cookieOf(await postData(server, 'a1', {}, { 'x-forwarded-proto': 'http' })), plain);
  t.is(cookieOf(await postData(server, 'a1', {}, { 'x-forwarded-proto': 'https' })), `${plain}; Secure`);
  const open = await startServer(t);
  t.is(cookieOf(await postData(open, 'a1', {}, { 'x-forwarded-proto': 'https' })), plain);
  t.is(cookieOf(await postData(open, 'a1', { state: 5 })), undefined);
});

test('an agent of any name can claim a job with the cookie that the server set', async (t) => {
  const server = await startServer(t);
  const names = [
    ...['a1', 'lab é 1', 'a;b', '$where', 'a.b.c', '日本', '50%', 'a%20b', 'a"b"', 'a,b=c'],
    ...['...', '__proto__', 'x/y', 'nul\0', ' blanks ', '{"$ne":1}', '😀'],
  ];
  for (const name of names) {
    const posted = await postData(server, encodeURIComponent(name), { state: 'waiting' });
    t.is(posted.status, 200, name);
    t.is((await show(server, encodeURIComponent(name)))['name'], name);
    const job_id = await submit(server);
    const cookie = cookieOf(posted)?.split(';')[0] ?? '';
    const headers = { ...asAgent(server), cookie: `other=1; ${cookie}; x=y` };
    const claimed = await server.request('/v1/job?queue=q1', { headers });
    t.is(claimed.status, 200, name);
    t.is((await server.deps.collections.jobs.findOne({ job_id }))?.lease?.holder, name);
  }
  t.deepEqual((await server.deps.collections.agents.distinct('name')).sort(), names.sort());
});

test('an unknown agent returns 404 with an empty object', async (t) => {
  const server = await startServer(t);
  const response = await server.request('/v1/agents/data/nobody');
  t.is(response.status, 404);
  t.is(response.headers.get('content-type'), 'application/json');
  t.is(await response.text(), '{}');
});

test('the data of an agent lists the clients that can push to its restricted queues', async (t) => {
  const server = await startServer(t);
  const { restrictedQueues, clients } = server.deps.collections;
  await postData(server, 'a1', { queues: ['open', 'locked', 'orphan'] });
  await restrictedQueues.insertMany([
    { queue_name: 'locked' },
    { queue_name: 'orphan' },
    { queue_name: 'elsewhere' },
  ]);
  await clients.insertMany([
    { client_id: 'b', allowed_queues: ['locked', 'elsewhere'] },
    { client_id: 'a', allowed_queues: ['locked', 'open'] },
  ]);
  t.deepEqual((await show(server, 'a1'))['restricted_to'], { locked: ['a', 'b'], orphan: [] });
});

test('an agent from an older database is returned without null fields and with its streak', async (t) => {
  const server = await startServer(t);
  const record = { name: 'a1', state: null, queues: null, job_id: null, log: ['secret'], extra: 1 };
  const streak = { provision_streak_type: 'fail', provision_streak_count: 3 };
  await server.deps.collections.agents.insertOne({ ...record, ...streak, updated_at: new Date(0) } as never);
  t.deepEqual(await show(server, 'a1'), {
    name: 'a1',
    ...streak,
    updated_at: '1970-01-01T00:00:00Z',
    restricted_to: {},
  });
});

test('twenty simultaneous first posts of one agent create one agent record', async (t) => {
  const server = await startServer(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => postData(server, 'new', { log: [`${i}`] })),
  );
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const agents = await server.deps.collections.agents.find().toArray();
  t.is(agents.length, 1);
  t.is(agents[0]?.log?.length, 20);
});

test('the error names fields of the wrong type and unknown fields, and nothing is stored', async (t) => {
  const server = await startServer(t);
  const body = { state: { $ne: 1 }, queues: 'q', log: [1], comment: null, name: 'x', updated_at: 'now' };
  const response = await postData(server, 'a1', body);
  t.is(response.status, 422);
  t.deepEqual(await response.json(), {
    message: 'Validation error',
    detail: {
      json: {
        state: ['Not a valid string.'],
        queues: ['Not a valid list.'],
        log: { 0: ['Not a valid string.'] },
        comment: ['Field may not be null.'],
        name: ['Unknown field.'],
        updated_at: ['Unknown field.'],
      },
    },
  });
  const unnamed = await postData(server, 'a1', { queues: ['q', ''] });
  t.is(unnamed.status, 422);
  t.deepEqual(await unnamed.json(), {
    message: 'Validation error',
    detail: { json: { queues: { 1: ['Shorter than minimum length 1.'] } } },
  });
  t.is(await server.deps.collections.agents.countDocuments(), 0);
  await postData(server, 'a1', { state: '$name', comment: '$$ROOT', queues: ['$q'] });
  t.is((await show(server, 'a1'))['state'], '$name');
});
