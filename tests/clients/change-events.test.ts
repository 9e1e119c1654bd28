import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { startServer, type TestServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

async function call(server: TestServer, method: string, path: string, body?: object): Promise<void> {
  const headers = bearer(server, { client_id: 'boss', role: 'admin' });
  const init = body === undefined ? { headers } : jsonBody(body, headers);
  const response = await server.request(`/v1/client-permissions${path}`, { ...init, method });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
}

/** The security events, without the fields that have the same value in every line. */
const eventsOf = (server: TestServer) =>
  server.logged
    .filter((line) => line.log === 'security')
    .map(
      ({ event, created, changed, before, after }) =>
        JSON.parse(JSON.stringify({ event, created, changed, before, after })) as object,
    );

test('changes of clients are written to the security log without their secrets', async (t) => {
  const server = await startServer(t);
  await call(server, 'PUT', '/ci', { client_secret: secret });
  await call(server, 'DELETE', '/ci');
  const events = server.logged.filter((line) => line.log === 'security');
  const who = { outcome: 'accepted', actor: 'boss', target: 'ci', source: '127.0.0.1' };
  t.like(events, { 0: { event: 'client_changed', ...who }, 1: { event: 'client_removed', ...who } });
  t.false(server.logText().includes(secret));
});

test('the event of a changed client has the names of the changed fields, and the values that are not secret', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci', max_priority: { q: 1 } }, secret);
  await call(server, 'PUT', '/ci', { max_priority: { q: 1, '*': 2 }, email: 'ci@example.com' });
  await call(server, 'PUT', '/ci', {
    max_priority: { q: 1, '*': 2 },
    role: 'manager',
    client_secret: `${secret} 2`,
  });
  await call(server, 'PUT', '/ci', { role: 'manager' });
  await call(server, 'PUT', '/ci', {});
  await call(server, 'PUT', '/new', { client_secret: secret, role: 'agent' });
  const event = 'client_changed';
  t.deepEqual(eventsOf(server), [
    {
      event,
      changed: ['email', 'max_priority'],
      before: { max_priority: { q: 1 } },
      after: { max_priority: { q: 1, '*': 2 } },
    },
    {
      event,
      changed: ['client_secret', 'role'],
      before: { role: 'contributor' },
      after: { role: 'manager' },
    },
    { event, changed: [] },
    { event, changed: [] },
    {
      event,
      created: true,
      changed: ['allowed_queues', 'client_secret', 'max_priority', 'max_reservation_time', 'role'],
      after: { role: 'agent', max_priority: {}, max_reservation_time: {}, allowed_queues: [] },
    },
  ]);
  for (const text of [secret, '$2b$', 'ci@example.com']) t.false(server.logText().includes(text), text);
});

test('the event of a change with very long values has only the names of the fields', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const max_priority = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`queue-${n}`, n]));
  await call(server, 'PUT', '/ci', { max_priority });
  t.deepEqual(eventsOf(server), [{ event: 'client_changed', changed: ['max_priority'] }]);
});
