import test, { type ExecutionContext } from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { startServer, type TestServer } from '../support/start-server.js';

interface Answer {
  status: number;
  body: unknown;
}

/** Sends a request about restricted queues with the given role. `anonymous` sends no token. */
async function call(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
  role = 'manager',
): Promise<Answer> {
  const headers = role === 'anonymous' ? {} : bearer(server, { client_id: 'boss', role });
  const init = body === undefined ? { headers } : jsonBody(body, headers);
  const response = await server.request(`/v1/restricted-queues${path}`, { ...init, method });
  const isJson = response.headers.get('content-type') === 'application/json';
  return { status: response.status, body: isJson ? await response.json() : await response.text() };
}

const add = (server: TestServer, queue: string, client_id?: string) =>
  call(server, 'POST', `/${queue}`, { client_id });
const remove = (server: TestServer, queue: string, client_id?: string) =>
  call(server, 'DELETE', `/${queue}`, { client_id });

const ok: Answer = { status: 200, body: 'OK' };
const refused = (status: number, message: string): Answer => ({ status, body: { message, detail: {} } });
const notRestricted = refused(404, 'Error: Restricted queue not found.');
const noClient = refused(400, 'Error: Missing client ID.');
const unknownClient = refused(404, 'Error: Specified client_id does not exist.');
const noAgent = refused(404, 'Error: No agent is associated with the specified queue.');

/** Starts a server with the clients `a`, `b` and `c`, and an agent of the queues `q1` and `q2`. */
async function startWithQueues(t: ExecutionContext): Promise<TestServer> {
  const server = await startServer(t);
  for (const client_id of ['a', 'b', 'c']) await addClient(server, { client_id });
  await server.deps.collections.agents.insertOne({ name: 'agent-1', queues: ['q1', 'q2'] });
  return server;
}

/** Submits a job to the queue without a token, and returns the status. */
async function submitTo(server: TestServer, queue: string): Promise<number> {
  return (await server.request('/v1/job', jsonBody({ job_queue: queue }))).status;
}

test.serial('a queue is restricted from its first owner until its last', async (t) => {
  const server = await startWithQueues(t);
  t.deepEqual(await call(server, 'GET', '/q1'), notRestricted);
  t.is(await submitTo(server, 'q1'), 200);
  t.deepEqual(await add(server, 'q1', 'b'), ok);
  t.is(await submitTo(server, 'q1'), 401);
  t.deepEqual(await add(server, 'q1', 'a'), ok);
  t.deepEqual(await add(server, 'q1', 'a'), ok, 'adding an owner twice has the effect of adding it once');
  t.deepEqual(await call(server, 'GET', '/q1'), { status: 200, body: { queue: 'q1', owners: ['a', 'b'] } });
  t.deepEqual(await remove(server, 'q1', 'b'), ok);
  t.deepEqual(await call(server, 'GET', '/q1'), { status: 200, body: { queue: 'q1', owners: ['a'] } });
  t.is(await submitTo(server, 'q1'), 401, 'still restricted for everyone else');
  t.deepEqual(await remove(server, 'q1', 'a'), ok);
  t.deepEqual(await call(server, 'GET', '/q1'), notRestricted);
  t.is(await submitTo(server, 'q1'), 200);
  t.is(await server.deps.collections.restrictedQueues.countDocuments(), 0);
});

test.serial('the list has each queue once, with its owners', async (t) => {
  const server = await startWithQueues(t);
  t.deepEqual(await call(server, 'GET', ''), { status: 200, body: [] });
  await add(server, 'q2', 'c');
  await add(server, 'q1', 'b');
  await add(server, 'q1', 'a');
  // As in some existing databases: one queue twice, and one without an owner.
  const { restrictedQueues } = server.deps.collections;
  await restrictedQueues.insertMany([{ queue_name: 'q1' }, { queue_name: 'old' }]);
  t.deepEqual(await call(server, 'GET', ''), {
    status: 200,
    body: [
      { queue: 'old', owners: [] },
      { queue: 'q1', owners: ['a', 'b'] },
      { queue: 'q2', owners: ['c'] },
    ],
  });
  for (const id of ['a', 'b']) t.deepEqual(await remove(server, 'q1', id), ok);
  t.deepEqual(await call(server, 'GET', '/q1'), notRestricted, 'all documents of the queue are deleted');
});

test.serial(
  'adding an owner reports a missing client first, then an unknown client, then a queue without agents',
  async (t) => {
    const server = await startWithQueues(t);
    t.deepEqual(await add(server, 'nowhere'), noClient);
    t.deepEqual(await add(server, 'nowhere', ''), noClient);
    t.deepEqual(await call(server, 'POST', '/nowhere', {}), noClient);
    t.deepEqual(await call(server, 'POST', '/nowhere'), noClient);
    t.deepEqual(await add(server, 'nowhere', 'nobody'), unknownClient);
    t.deepEqual(await add(server, 'nowhere', 'a'), noAgent);
    t.deepEqual(await add(server, 'q1', 'nobody'), unknownClient);
    t.is(await server.deps.collections.restrictedQueues.countDocuments(), 0);
    t.is(await server.deps.collections.clients.countDocuments({ 'allowed_queues.0': { $exists: true } }), 0);
  },
);

test.serial(
  'removing an owner reports an unrestricted queue first, then a missing client, then a client that is not an owner',
  async (t) => {
    const server = await startWithQueues(t);
    t.deepEqual(await remove(server, 'q1'), notRestricted);
    t.deepEqual(await remove(server, 'q1', 'nobody'), notRestricted);
    await add(server, 'q1', 'a');
    t.deepEqual(await remove(server, 'q1'), noClient);
    t.deepEqual(await remove(server, 'q1', 'nobody'), unknownClient);
    t.deepEqual(await remove(server, 'q1', 'b'), unknownClient);
    t.deepEqual(await call(server, 'GET', '/q1'), { status: 200, body: { queue: 'q1', owners: ['a'] } });
  },
);

test.serial('the body contains a client id as text and nothing else', async (t) => {
  const server = await startWithQueues(t);
  const rows: [body: unknown, reasons: object][] = [
    [{ client_id: { $gt: '' } }, { client_id: ['Not a valid string.'] }],
    [{ client_id: null }, { client_id: ['Field may not be null.'] }],
    [{ client_id: 'a', queue: 'q1' }, { queue: ['Unknown field.'] }],
    [['a'], { _schema: ['Invalid input type.'] }],
  ];
  for (const [body, reasons] of rows) {
    const wrong = { status: 422, body: { message: 'Validation error', detail: { json: reasons } } };
    t.deepEqual(await call(server, 'POST', '/q1', body), wrong);
    t.deepEqual(await call(server, 'DELETE', '/q1', body), wrong, 'the body is checked before the queue');
  }
});

test.serial('every role except agent can read, and only managers and admins can change', async (t) => {
  const server = await startWithQueues(t);
  await add(server, 'q1', 'a');
  for (const role of ['anonymous', 'contributor', 'manager', 'admin']) {
    t.is((await call(server, 'GET', '', undefined, role)).status, 200, role);
    t.is((await call(server, 'GET', '/q1', undefined, role)).status, 200, role);
  }
  const readers = refused(403, 'Specified action requires role: admin, manager, contributor');
  t.deepEqual(await call(server, 'GET', '', undefined, 'agent'), readers);
  const changers = refused(403, 'Specified action requires role: admin, manager');
  for (const role of ['anonymous', 'contributor', 'agent']) {
    t.deepEqual(await call(server, 'POST', '/q1', { client_id: 'b' }, role), changers, role);
    t.deepEqual(await call(server, 'DELETE', '/q1', 'no object', role), changers, role);
  }
  t.deepEqual(await call(server, 'POST', '/q1', { client_id: 'b' }, 'admin'), ok);
});

test.serial(
  'a queue whose last owner was deleted stays restricted until the restriction is removed',
  async (t) => {
    const server = await startWithQueues(t);
    await add(server, 'q1', 'a');
    const headers = bearer(server, { client_id: 'boss', role: 'admin' });
    await server.request('/v1/client-permissions/a', { method: 'DELETE', headers });
    t.is(await submitTo(server, 'q1'), 401);
    t.deepEqual(await call(server, 'GET', '/q1'), { status: 200, body: { queue: 'q1', owners: [] } });
    t.deepEqual(await remove(server, 'q1', 'a'), ok);
    t.is(await submitTo(server, 'q1'), 200);
  },
);

test.serial(
  'when owners are added and removed concurrently, a queue with owners is always restricted',
  async (t) => {
    const server = await startWithQueues(t);
    for (let round = 0; round < 15; round += 1) {
      await add(server, 'q1', 'a');
      await Promise.all([
        remove(server, 'q1', 'a'),
        add(server, 'q1', 'b'),
        ...(round % 3 === 0 ? [remove(server, 'q1', 'a'), add(server, 'q1', 'c')] : []),
        ...(round % 3 === 1 ? [add(server, 'q1', 'b'), remove(server, 'q1', 'c')] : []),
      ]);
      const { body } = await call(server, 'GET', '/q1');
      t.true((body as { owners: string[] }).owners.includes('b'), `round ${round}: b was added`);
      t.is(await submitTo(server, 'q1'), 401, `round ${round}`);
      for (const id of ['a', 'b', 'c']) await remove(server, 'q1', id);
      t.is(await submitTo(server, 'q1'), 200, `round ${round}: no owner is left`);
    }
  },
);

test.serial('an owner that is added while the last one is removed keeps the queue restricted', async (t) => {
  const server = await startWithQueues(t);
  await add(server, 'q1', 'a');
  const { clients } = server.deps.collections;
  const findOne = clients.findOne.bind(clients);
  // After the removal has found no owner, and before it removes the restriction, another owner is added.
  clients.findOne = (async (filter: object) => {
    const found = await findOne(filter);
    if ('allowed_queues' in filter && found === null) {
      clients.findOne = findOne as typeof clients.findOne;
      t.deepEqual(await add(server, 'q1', 'b'), ok);
    }
    return found;
  }) as typeof clients.findOne;
  t.deepEqual(await remove(server, 'q1', 'a'), ok);
  t.deepEqual(await call(server, 'GET', '/q1'), { status: 200, body: { queue: 'q1', owners: ['b'] } });
  t.is(await submitTo(server, 'q1'), 401);
});

test.serial('changes of restrictions are in the security log', async (t) => {
  const server = await startWithQueues(t);
  await add(server, 'q1', 'a');
  await remove(server, 'q1', 'a');
  const events = server.logged.filter((line) => line.log === 'security');
  const who = { event: 'restriction_changed', outcome: 'accepted', actor: 'boss', source: '127.0.0.1' };
  t.like(events, { 0: { ...who, target: 'q1 + a' }, 1: { ...who, target: 'q1 - a' } });
});
