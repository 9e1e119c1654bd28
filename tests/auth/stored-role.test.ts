import test, { type ExecutionContext } from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { listCommands } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

type Headers = Record<string, string>;

async function start(t: ExecutionContext) {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  const chief = bearer(server, { client_id: 'chief', role: 'admin' });
  const call = async (method: string, path: string, headers: Headers, body?: object) => {
    const init = body === undefined ? { headers } : jsonBody(body, headers);
    const response = await server.request(path, { ...init, method });
    return [response.status, await response.text()] as const;
  };
  const setRole = (id: string, role: string) => call('PUT', `/v1/client-permissions/${id}`, chief, { role });
  return { clock, server, chief, call, setRole };
}

const refusal = (status: number, message: string) =>
  [status, JSON.stringify({ message, detail: {} })] as const;
const submit = async ({ request }: TestServer, headers: Headers, body: object = {}): Promise<string> => {
  const response = await request('/v1/job', jsonBody({ job_queue: 'q', ...body }, headers));
  return ((await response.json()) as { job_id: string }).job_id;
};

test.serial('a demoted admin loses its rights at once, whatever its pass says', async (t) => {
  const { server, call, setRole } = await start(t);
  await addClient(server, { client_id: 'former', role: 'admin' });
  await addClient(server, { client_id: 'a1', role: 'agent' });
  const pass = bearer(server, { client_id: 'former', role: 'admin' });
  t.is((await call('GET', '/v1/client-permissions', pass))[0], 200);
  t.is((await setRole('former', 'manager'))[0], 200);
  t.is((await call('GET', '/v1/client-permissions', pass))[0], 200);
  const admins = refusal(403, 'Specified action requires role: admin');
  t.deepEqual(await call('DELETE', '/v1/client-permissions/a1', pass), admins);
  t.deepEqual(await call('POST', '/v1/oauth2/revoke', pass, { refresh_token: 'x' }), admins);
  const promotion = await call('PUT', '/v1/client-permissions/a1', pass, { role: 'admin' });
  t.is(promotion[0], 403, 'it makes no new admin either');
  t.is((await setRole('former', 'contributor'))[0], 200);
  const managers = 'Specified action requires role: admin, manager';
  for (const [method, path, body] of [
    ['GET', '/v1/client-permissions', undefined],
    ['PUT', '/v1/client-permissions/new', { client_secret: 'a secret of good length' }],
    ['POST', '/v1/restricted-queues/q', { client_id: 'a1' }],
  ] as const)
    t.deepEqual(await call(method, path, pass, body), refusal(403, managers), path);
  const [status, text] = await call('POST', '/v1/client-permissions/a1/agent-token', pass, {});
  t.deepEqual([status, (JSON.parse(text) as { message: string }).message], [403, managers]);
});

test.serial('a demoted manager is a contributor on the routes of contributors', async (t) => {
  const { server, call, setRole } = await start(t);
  await addClient(server, { client_id: 'former', role: 'manager' });
  const owner = bearer(server, { client_id: 'owner' });
  const pass = bearer(server, { client_id: 'former', role: 'manager', max_priority: { q: 5 } });
  const job_id = await submit(server, owner);
  t.is(await submit(server, pass, { job_id }), job_id);
  const theirs = await submit(server, owner);
  await setRole('former', 'contributor');
  const again = await call('POST', '/v1/job', pass, { job_queue: 'q', job_id: theirs });
  t.deepEqual(again, refusal(403, 'Not enough permissions to resubmit job ID'));
  t.is((await call('POST', '/v1/job', pass, { job_queue: 'q', job_priority: 5 }))[0], 200, 'its limits stay');
  t.is((await call('POST', '/v1/agents/queues', pass, {}))[0], 403);
});

test.serial('a promoted client need not log in again', async (t) => {
  const { server, call, setRole } = await start(t);
  await addClient(server, { client_id: 'new' });
  const pass = bearer(server, { client_id: 'new' });
  t.is((await call('GET', '/v1/client-permissions', pass))[0], 403);
  await setRole('new', 'manager');
  t.is((await call('GET', '/v1/client-permissions', pass))[0], 200);
});

test.serial('the pass of a removed admin has expired, and one that is issued later counts', async (t) => {
  const { clock, server, chief, call } = await start(t);
  await addClient(server, { client_id: 'former', role: 'admin' });
  const other = await startServer(t, { clock, database: server.deps.connection.db.databaseName });
  const pass = bearer(server, { client_id: 'former', role: 'admin' });
  t.is((await call('DELETE', '/v1/client-permissions/former', chief))[0], 200);
  const expired = refusal(401, 'Token has expired');
  for (const [method, path] of [
    ['GET', '/v1/client-permissions'],
    ['DELETE', '/v1/client-permissions/chief'],
    ['POST', '/v1/job'],
  ] as const) {
    t.deepEqual(await call(method, path, pass), expired, path);
    const there = await other.request(path, { method, headers: pass });
    t.is(there.status, 401, 'on every server');
  }
  const refused = server.logged.filter(({ event }) => event === 'token_refused');
  t.like(refused[0], { actor: 'former', reason: 'client removed' });
  clock.move(1);
  t.is(
    (await call('GET', '/v1/client-permissions', bearer(server, { client_id: 'former', role: 'admin' })))[0],
    200,
  );
  await addClient(server, { client_id: 'former', role: 'contributor' });
  t.deepEqual(
    await call('GET', '/v1/client-permissions', pass),
    expired,
    'also when its id has a new client',
  );
  const old = bearer(server, { client_id: 'once', role: 'contributor' });
  await addClient(server, { client_id: 'once' });
  t.is((await call('DELETE', '/v1/client-permissions/once', chief))[0], 200);
  await addClient(server, { client_id: 'once', role: 'admin' });
  t.deepEqual(await call('GET', '/v1/client-permissions', old), expired, 'it does not get the new role');
});

test.serial('a pass of a client that has no record keeps its role', async (t) => {
  const { call, chief } = await start(t);
  t.is((await call('GET', '/v1/client-permissions', chief))[0], 200);
});

test.serial('requests of contributors and agents, and reading, look no client up', async (t) => {
  const { server, call } = await start(t);
  await addClient(server, { client_id: 'boss', role: 'manager' });
  const read = await listCommands(server, 'client_permissions', async () => {
    await call('POST', '/v1/job', bearer(server, { client_id: 'ci' }), { job_queue: 'q' });
    await call('GET', '/v1/job/search', bearer(server, { client_id: 'boss', role: 'manager' }));
    await call('POST', '/v1/agents/queues', bearer(server, { client_id: 'a1', role: 'agent' }), {});
  });
  t.deepEqual(read, []);
});
