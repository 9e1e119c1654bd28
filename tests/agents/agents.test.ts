import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { agentHeaders } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const post = (server: TestServer, path: string, body: unknown) =>
  server.request(path, jsonBody(body, agentHeaders(server)));

async function read(server: TestServer, path: string): Promise<unknown> {
  const response = await server.request(path);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}

test('the list of agents is sorted by name, has no logs or null fields, and includes the owners of restricted queues', async (t) => {
  const server = await startServer(t);
  t.deepEqual(await read(server, '/v1/agents/data'), []);
  await addClient(server, { client_id: 'owner', allowed_queues: ['closed'] });
  await server.deps.collections.restrictedQueues.insertOne({ queue_name: 'closed' });
  await post(server, '/v1/agents/data/b', { state: 'waiting', queues: ['open', 'closed'], log: ['x'] });
  await post(server, '/v1/agents/data/a', { comment: '', identifier: 'id-1' });
  await server.deps.collections.agents.updateOne({ name: 'a' }, { $set: { location: null as never } });
  const agents = (await read(server, '/v1/agents/data')) as { updated_at: string }[];
  t.regex(agents[0]?.updated_at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
  t.deepEqual(
    agents.map(({ updated_at: _at, ...agent }) => agent as object),
    [
      { name: 'a', comment: '', identifier: 'id-1', restricted_to: {} },
      {
        name: 'b',
        state: 'waiting',
        queues: ['open', 'closed'],
        restricted_to: { closed: ['owner'] },
      },
    ],
  );
  for (const agent of agents as unknown as { name: string }[]) {
    t.deepEqual(
      await read(server, `/v1/agents/data/${agent.name}`),
      agent as object,
      'the list and the single agent are equal',
    );
  }
});

test('advertised queues are stored under their name, whatever the name is, and returned with their descriptions', async (t) => {
  const server = await startServer(t);
  t.deepEqual(await read(server, '/v1/agents/queues'), {});
  const queues = { 'a.b': 'dotted', $set: '$name', ['__proto__']: 'odd', '\n': 'blank', plain: '' };
  const posted = await post(server, '/v1/agents/queues', queues);
  t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  t.is(posted.headers.get('content-type'), 'text/plain; charset=utf-8');
  await post(server, '/v1/agents/queues', { plain: 'new', more: 'm' });
  await post(server, '/v1/agents/images', { 'only images': { a: 'b' } });
  const text = await (await server.request('/v1/agents/queues')).text();
  t.is(
    text,
    '{"\\n":"blank","$set":"$name","__proto__":"odd","a.b":"dotted","more":"m","only images":"","plain":"new"}',
  );
  t.is((await post(server, '/v1/agents/queues', {})).status, 200);
});

test('advertising a queue renews its updated_at, and many agents that advertise it at once create one record', async (t) => {
  const server = await startServer(t);
  const { queues } = server.deps.collections;
  const old = new Date(0);
  await queues.insertOne({ name: 'kept', description: 'of a Testflinger server', updated_at: old });
  const names = ['kept', 'q1', 'q2'];
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      i % 2
        ? post(server, '/v1/agents/queues', Object.fromEntries(names.map((name) => [name, `of ${i}`])))
        : post(server, '/v1/agents/images', Object.fromEntries(names.map((name) => [name, { i: `${i}` }]))),
    ),
  );
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  const stored = await queues.find().sort({ name: 1 }).toArray();
  t.deepEqual(
    stored.map(({ name }) => name),
    names,
  );
  t.deepEqual(
    stored.map(({ live }) => live),
    [undefined, true, true],
  );
  for (const { updated_at, images, description } of stored) {
    t.true(updated_at !== undefined && updated_at > old);
    t.is(typeof images?.['i'], 'string');
    t.regex(description ?? '', /^of \d+$/);
  }
});

test('new images replace all images of a queue, and an unknown queue has no images', async (t) => {
  const server = await startServer(t);
  const images = {
    'server-noble': 'url: http://x/y.xz',
    a$: '$name',
    a: { 'b.c': { $set: 1 } },
    ['__proto__']: 'p',
  };
  const posted = await post(server, '/v1/agents/images', { 'lab.q': images, $where: { x: 'y' } });
  t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  t.is(
    await (await server.request('/v1/agents/images/lab.q')).text(),
    '{"server-noble":"url: http://x/y.xz","a$":"$name","a":{"b.c":{"$set":1}},"__proto__":"p"}',
  );
  await post(server, '/v1/agents/images', { 'lab.q': { only: 'this' } });
  t.deepEqual(await read(server, '/v1/agents/images/lab.q'), { only: 'this' });
  t.deepEqual(await read(server, '/v1/agents/images/$where'), { x: 'y' });
  t.deepEqual(await read(server, '/v1/agents/images/nobody'), {});
  await post(server, '/v1/agents/queues', { described: 'without images' });
  t.deepEqual(await read(server, '/v1/agents/images/described'), {});
});

test('a body that is not valid queues or images is refused, and no part of it is stored', async (t) => {
  const server = await startServer(t);
  const refused = async (path: string, body: unknown, reasons: object) => {
    const response = await post(server, path, body);
    t.is(response.status, 422);
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { json: reasons } });
  };
  await refused('/v1/agents/queues', { a: 'b', q: { $ne: 1 } }, { q: { value: ['Not a valid string.'] } });
  await refused(
    '/v1/agents/queues',
    { 'q\u0000': 'x' },
    {
      'q\u0000': { key: ['Keys must not contain NUL characters.'] },
    },
  );
  await refused('/v1/agents/queues', ['q'], { _schema: ['Invalid input type.'] });
  await refused('/v1/agents/images', { a: {}, q: 'x' }, { q: { value: ['Not a valid mapping type.'] } });
  await refused(
    '/v1/agents/images',
    { q: { 'a\u0000': 1 } },
    {
      q: {
        value: {
          'a\u0000': {
            key: ['Keys must not contain NUL characters.'],
            value: ['Not a valid mapping type.'],
          },
        },
      },
    },
  );
  t.is(await server.deps.collections.queues.countDocuments(), 0);
});

test('images are text or maps under names without dots that do not begin with a dollar, of queues that have a name', async (t) => {
  const server = await startServer(t);
  const pattern = { key: ['String does not match expected pattern.'] };
  const noMap = { value: ['Not a valid mapping type.'] };
  const isNull = { value: ['Field may not be null.'] };
  const cases: [unknown, object][] = [
    [{ '': {} }, { '': pattern }],
    [{ q: null }, { q: isNull }],
    [{ q: 5 }, { q: noMap }],
    [{ q: ['a'] }, { q: noMap }],
    [{ q: { a: null } }, { q: { value: { a: isNull } } }],
    [{ q: { a: 5, b: true, c: ['x'] } }, { q: { value: { a: noMap, b: noMap, c: noMap } } }],
    ...['', '$i', 'i.j', '.', '$'].map((name): [unknown, object] => [
      { good: { a: 'x' }, q: { b: 'y', [name]: 'x' } },
      { q: { value: { [name]: pattern } } },
    ]),
  ];
  for (const [body, reasons] of cases) {
    const response = await post(server, '/v1/agents/images', body);
    t.is(response.status, 422, JSON.stringify(body));
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { json: reasons } });
  }
  const unnamed = await post(server, '/v1/agents/queues', { '': 'x', q: 'y' });
  t.is(unnamed.status, 422);
  t.deepEqual(await unnamed.json(), { message: 'Validation error', detail: { json: { '': pattern } } });
  t.is(await server.deps.collections.queues.countDocuments(), 0);
});

test('images of an existing database keep names that are refused today', async (t) => {
  const server = await startServer(t);
  const images = { 'server-22.04': 'url: http://x/y.xz', $i: 'x' };
  await server.deps.collections.queues.insertOne({ name: 'q', images, updated_at: new Date() });
  t.deepEqual(await read(server, '/v1/agents/images/q'), images);
});

test('managers can advertise queues too, contributors cannot, and agents cannot read them', async (t) => {
  const server = await startServer(t);
  for (const path of ['/v1/agents/queues', '/v1/agents/images']) {
    const manager = await server.request(path, jsonBody({}, bearer(server, { role: 'manager' })));
    t.is(manager.status, 200);
    t.is((await server.request(path, jsonBody({}))).status, 403);
  }
  for (const path of ['/v1/agents/data', '/v1/agents/queues', '/v1/agents/images/q']) {
    t.is((await server.request(path, { headers: agentHeaders(server) })).status, 403);
  }
});
