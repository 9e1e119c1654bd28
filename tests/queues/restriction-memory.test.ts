import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { startRecording } from '../support/recorded-commands.js';
import { startServer, type TestServer, testMongodbUri } from '../support/start-server.js';
import { until } from '../support/until.js';

/** Submits a job, and returns the status. */
async function submitTo(
  server: TestServer,
  queue: string,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await server.request('/v1/job', jsonBody({ job_queue: queue }, headers))).status;
}

/** Waits until a server answers from memory whether queues are restricted. */
async function remember(t: ExecutionContext, server: TestServer): Promise<void> {
  await until(t, () => server.deps.restrictionMemory.isRestricted('q1') !== undefined);
}

/** Adds or removes `owner` as an owner of a queue. */
async function change(server: TestServer, method: 'POST' | 'DELETE', queue: string): Promise<void> {
  const headers = bearer(server, { client_id: 'boss', role: 'manager' });
  const init = { ...jsonBody({ client_id: 'owner' }, headers), method };
  const { status } = await server.request(`/v1/restricted-queues/${queue}`, init);
  if (status !== 200) throw new Error(`${method} ${queue}: ${status}`);
}

async function addOwnerAndAgent({ deps }: TestServer): Promise<void> {
  await deps.collections.clients.insertOne({ client_id: 'owner' } as never);
  await deps.collections.agents.insertOne({ name: 'agent-1', queues: ['q1', 'q2'] });
}

/** A second server on the same database. */
async function startSecond(t: ExecutionContext, { deps }: TestServer, uri?: string): Promise<TestServer> {
  return startServer(t, {
    database: deps.connection.db.databaseName,
    ...(uri !== undefined && { settings: { MONGODB_URI: uri } }),
  });
}

/** Milliseconds until a submission to a queue has this status. */
async function measure(
  t: ExecutionContext,
  server: TestServer,
  queue: string,
  status: number,
): Promise<number> {
  const started = performance.now();
  await until(t, async () => (await submitTo(server, queue)) === status);
  return performance.now() - started;
}

test('a submission that is allowed sends one command to the database', async (t) => {
  const server = await startRecording(t);
  await server.deps.collections.restrictedQueues.insertOne({ queue_name: 'q2' });
  await remember(t, server);
  const permitted = bearer(server, {
    client_id: 'c1',
    max_priority: { '*': 10 },
    allowed_queues: ['q2'],
    max_reservation_time: {},
  });
  for (const [queue, headers] of [
    ['q1', {}],
    ['q1', permitted],
    ['q2', permitted],
  ] as const) {
    server.sent.length = 0;
    t.is(await submitTo(server, queue, headers), 200);
    t.deepEqual(
      server.sent.filter((command) => !command.startsWith('getMore')),
      ['insert jobs'],
    );
  }
  t.is(await submitTo(server, 'q2'), 401);
});

test('the memory answers for several queues, and knows nothing before it is loaded', async (t) => {
  const server = await startServer(t);
  const { restrictionMemory: memory, collections } = server.deps;
  await collections.restrictedQueues.insertOne({ queue_name: 'q2' });
  t.is(memory.isRestricted('q2'), undefined);
  t.false(memory.areUnrestricted(['q1']));
  await remember(t, server);
  t.true(memory.areUnrestricted(['q1', 'q3']));
  t.false(memory.areUnrestricted(['q1', 'q2']));
  t.is(memory.isRestricted('q2'), true);
  t.is(memory.isRestricted('q1'), false);
});

test('a process knows its own changes of restrictions at once', async (t) => {
  const server = await startServer(t);
  await addOwnerAndAgent(server);
  await remember(t, server);
  for (let round = 0; round < 20; round += 1) {
    await change(server, 'POST', 'q1');
    t.is(server.deps.restrictionMemory.isRestricted('q1'), true);
    t.is(await submitTo(server, 'q1'), 401);
    await change(server, 'DELETE', 'q1');
    t.is(server.deps.restrictionMemory.isRestricted('q1'), false);
    t.is(await submitTo(server, 'q1'), 200);
  }
});

test('a process that loads the restrictions while it changes them ends up right', async (t) => {
  const first = await startServer(t);
  await addOwnerAndAgent(first);
  for (let round = 0; round < 5; round += 1) {
    const server = await startSecond(t, first);
    server.deps.restrictionMemory.isRestricted('q1');
    await change(server, 'POST', 'q1');
    t.is(await submitTo(server, 'q1'), 401);
    await remember(t, server);
    t.is(await submitTo(server, 'q1'), 401);
    await change(server, 'DELETE', 'q1');
    t.is(await submitTo(server, 'q1'), 200);
    await server.stop();
  }
});

test('a change of restrictions reaches the submissions of other processes within a second', async (t) => {
  const first = await startServer(t);
  const second = await startSecond(t, first);
  await addOwnerAndAgent(first);
  await remember(t, second);
  await change(first, 'POST', 'q1');
  t.true((await measure(t, second, 'q1', 401)) < 1000);
  await change(first, 'DELETE', 'q1');
  t.true((await measure(t, second, 'q1', 200)) < 1000);
  // A Testflinger server may also rename a restriction.
  const { restrictedQueues } = first.deps.collections;
  await restrictedQueues.insertOne({ queue_name: 'q2' });
  t.true((await measure(t, second, 'q2', 401)) < 1000);
  await restrictedQueues.updateOne({ queue_name: 'q2' }, { $set: { queue_name: 'q1' } });
  t.true((await measure(t, second, 'q1', 401)) < 1000);
  t.is(await submitTo(second, 'q2'), 200);
});

test('restrictions are read from the database while the stream is lost, and remembered again', async (t) => {
  const first = await startServer(t);
  const second = await startSecond(t, first);
  await addOwnerAndAgent(first);
  await change(first, 'POST', 'q1');
  await remember(t, second);
  // The drop of its collection ends a change stream.
  await first.deps.collections.restrictedQueues.drop();
  await until(t, () => second.deps.restrictionMemory.isRestricted('q1') === undefined);
  t.is(await submitTo(second, 'q1'), 200);
  await first.deps.collections.restrictedQueues.insertOne({ queue_name: 'q1' });
  t.is(await submitTo(second, 'q1'), 401);
  await remember(t, second);
  t.is(second.deps.restrictionMemory.isRestricted('q1'), true);
});

test('the memory is not used while the connection of the stream is silent', async (t) => {
  const first = await startServer(t);
  const proxy = await startSilencer(t);
  const second = await startSecond(t, first, proxy.uri);
  await addOwnerAndAgent(first);
  await remember(t, second);
  await proxy.silence();
  await change(first, 'POST', 'q1');
  t.true((await measure(t, second, 'q1', 401)) < 1100);
  t.is(second.deps.restrictionMemory.isRestricted('q1'), undefined);
});

/** A proxy before MongoDB that can swallow the next request for changes of restrictions. */
async function startSilencer(t: ExecutionContext): Promise<{ uri: string; silence(): Promise<void> }> {
  const [, host = ''] = /^mongodb:\/\/([^/?]+)/.exec(testMongodbUri()) ?? [];
  const sockets = new Set<Socket>();
  let onSwallowed: (() => void) | undefined;
  const proxy = createServer((client) => {
    const server = connect(decodeURIComponent(host));
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, server].map((one) => one.destroy()));
    }
    client.on('data', (bytes) => {
      // A stream that waits asks for its next changes by `getMore`.
      if (onSwallowed && bytes.includes('restricted_queues') && bytes.includes('getMore')) onSwallowed();
      else server.write(bytes);
    });
    server.on('data', (bytes) => client.write(bytes));
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const { port } = proxy.address() as { port: number };
  return {
    uri: testMongodbUri().replace(host, `127.0.0.1:${port}`),
    silence: () => new Promise<void>((done) => (onSwallowed = done)),
  };
}
