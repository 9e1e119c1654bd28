import test, { type ExecutionContext } from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { setDisabled as storeDisabled } from '../../server/clients/set-disabled.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, listCommands, logIn, loginFailed } from '../support/logins.js';
import { startRecording } from '../support/recorded-commands.js';
import { startServer, type TestServer, type TestServerOptions } from '../support/start-server.js';

const secret = 'a client secret of good length';
const wrong = 'a wrong client secret';
const path = '/v1/client-permissions/ci';

/** A server with the client `ci`, which has a secret and a key made by the server. */
async function start(t: ExecutionContext, options: TestServerOptions = {}) {
  const server = await startServer(t, options);
  await addClient(server, { client_id: 'ci' }, secret);
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  return { server, key };
}

/** Sends a request as an admin, or as the given client. */
async function call(
  server: TestServer,
  method: string,
  body?: object,
  { id = 'ci', as = { client_id: 'boss', role: 'admin' } } = {},
): Promise<[number, unknown]> {
  const headers = bearer(server, as);
  const init = body === undefined ? { headers } : jsonBody(body, headers);
  const response = await server.request(`/v1/client-permissions/${id}`, { ...init, method });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return [response.status, isJson ? JSON.parse(text) : text];
}

const setDisabled = (server: TestServer, disabled: boolean) => call(server, 'PUT', { disabled });
const updated = [200, "Updated permissions for client 'ci'"];
const secondServer = (t: ExecutionContext, { deps }: TestServer) =>
  startServer(t, { database: deps.connection.db.databaseName });

/** The reasons of the refusals in the security log. */
const reasonsOf = ({ logged }: TestServer, event: string) =>
  logged.filter((line) => line.event === event && line.outcome === 'refused').map(({ reason }) => reason);

test('a disabled client is refused at once on every server and each kind of login, and an enabled one is not', async (t) => {
  const { server, key } = await start(t);
  const other = await secondServer(t, server);
  const statuses = async (at: TestServer) => [
    (await logIn(at, 'ci', secret)).status,
    (await logIn(at, 'ci', key)).status,
    (await askToken(at, `ci:${secret}`)).status,
    (await askToken(at, undefined, { client_id: 'ci', client_secret: key })).status,
    (await at.request(`${path}/keys`, { headers: { 'client-key': key } })).status,
  ];
  for (const at of [server, other]) t.deepEqual(await statuses(at), [200, 200, 200, 200, 200]);
  t.deepEqual(await setDisabled(server, true), updated);
  for (const at of [server, other]) {
    t.deepEqual(await logIn(at, 'ci', secret), loginFailed);
    t.deepEqual(await logIn(at, 'ci', key), loginFailed);
    t.deepEqual(await statuses(at), [401, 401, 401, 401, 401]);
    t.deepEqual(reasonsOf(at, 'login'), Array(7).fill('client disabled'));
  }
  t.deepEqual(await setDisabled(other, false), updated);
  for (const at of [server, other]) t.deepEqual(await statuses(at), [200, 200, 200, 200, 200]);
});

test('a right key of a disabled client gets the response of a wrong key, after the same work', async (t) => {
  let compares: string[] = [];
  const onCompare = (kind: string, cost: number) => void compares.push(`${kind} ${cost}`);
  // The stored hash has another cost than the server's, so that a successful login replaces it.
  const { server: first, key } = await start(t);
  const { databaseName: database } = first.deps.connection.db;
  const server = await startServer(t, { database, settings: { BCRYPT_COST: '5' }, onCompare });
  const hashOf = async () =>
    (await server.deps.collections.clients.findOne({ client_id: 'ci' }))?.client_secret_hash;
  const hash = await hashOf();
  await setDisabled(server, true);
  const failures = async () => {
    const rows = await server.deps.collections.loginFailures.find({ key: /^pair/ }).toArray();
    return rows.reduce((sum, { points }) => sum + (points as number), 0);
  };
  const wrongKey = `${key.slice(0, -2)}${key.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const [sent, reason, work] of [
    [secret, 'client disabled', ['record 5']],
    [secret, 'client disabled', ['record 5']],
    [wrong, 'wrong key', ['record 5']],
    [key, 'client disabled', []],
    [wrongKey, 'wrong server-made key', []],
  ] as const) {
    compares = [];
    const before = await failures();
    t.deepEqual(await logIn(server, 'ci', sent), loginFailed);
    t.deepEqual(compares, [...work], reason);
    t.is(reasonsOf(server, 'login').at(-1), reason);
    t.is(await failures(), before + 1, 'it counts as a failed login');
  }
  t.is(await hashOf(), hash);
  const stored = await server.deps.collections.clientKeys.findOne({ client_id: 'ci' });
  t.is(stored?.last_used_on, undefined);
  const { values } = await server.deps.metrics.tokenOutcomes.get();
  const counted = values.find(({ labels }) => labels.reason === 'client_disabled');
  t.is(counted?.value, 3);
});

test('a login whose first reading is a disabled client can still be the second reading', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'c%69' }, secret);
  await addClient(server, { client_id: 'ci' }, secret);
  await call(server, 'PUT', { disabled: true }, { id: 'c%2569' });
  const response = await askToken(server, `c%69:${secret}`);
  t.is(response.status, 200, response.body);
  t.like(
    server.logged.find(({ event }) => event === 'login'),
    { outcome: 'accepted', actor: 'ci' },
  );
  await setDisabled(server, true);
  t.is((await askToken(server, `c%69:${secret}`)).status, 401);
  t.deepEqual(reasonsOf(server, 'login'), ['client disabled']);
});

test('the refresh tokens of a disabled client are refused until the client is enabled', async (t) => {
  const { server, key } = await start(t);
  const refreshWith = async (form: Record<string, string>, route: string) => {
    const body = route === 'refresh' ? jsonBody(form) : { method: 'POST', body: new URLSearchParams(form) };
    const response = await server.request(`/v1/oauth2/${route}`, body);
    return [response.status, await response.text()] as const;
  };
  const invalid = JSON.stringify({ message: 'Invalid refresh token.', detail: {} });
  for (const sent of [secret, key]) {
    const { refresh_token } = JSON.parse((await askToken(server, `ci:${sent}`)).body) as {
      refresh_token: string;
    };
    t.is((await refreshWith({ refresh_token }, 'refresh'))[0], 200);
    await setDisabled(server, true);
    t.deepEqual(await refreshWith({ refresh_token }, 'refresh'), [400, invalid]);
    t.is(reasonsOf(server, 'refresh').at(-1), 'client disabled');
    const form = { grant_type: 'refresh_token', refresh_token, client_id: 'ci', client_secret: sent };
    t.is((await refreshWith(form, 'token'))[0], 401);
    t.is(reasonsOf(server, 'login').at(-1), 'client disabled');
    await setDisabled(server, false);
    t.is((await refreshWith({ refresh_token }, 'refresh'))[0], 200);
  }
});

test('the access token of a disabled client has expired on routes that read its stored role, and for secrets', async (t) => {
  const { server } = await start(t);
  await addClient(server, { client_id: 'chief', role: 'manager' });
  const chief = { client_id: 'chief', role: 'manager' };
  t.is((await call(server, 'GET', undefined, { as: chief }))[0], 200);
  await call(server, 'PUT', { disabled: true }, { id: 'chief' });
  await setDisabled(server, true);
  const expired = [401, { message: 'Token has expired', detail: {} }];
  t.deepEqual(await call(server, 'GET', undefined, { as: chief }), expired);
  t.deepEqual(await call(server, 'PUT', { disabled: false }, { as: chief, id: 'chief' }), expired);
  const headers = bearer(server, { client_id: 'ci' });
  const secrets = await server.request('/v1/secrets/ci/a', {
    ...jsonBody({ value: 'x' }, headers),
    method: 'PUT',
  });
  t.is(secrets.status, 401);
  t.deepEqual(reasonsOf(server, 'token_refused'), Array(3).fill('client disabled'));
  const submitted = await server.request('/v1/job', jsonBody({ job_queue: 'q' }, headers));
  t.is(submitted.status, 200, 'other routes accept it for its ten minutes');
});

test('only a disabled client is shown with `disabled`, and its record has no new field', async (t) => {
  const { server } = await start(t);
  const shown = {
    client_id: 'ci',
    role: 'contributor',
    max_priority: {},
    max_reservation_time: {},
    allowed_queues: [],
  };
  const record = await server.deps.collections.clients.findOne({ client_id: 'ci' });
  for (const disabled of [false, true, true, false]) {
    t.deepEqual(await setDisabled(server, disabled), updated);
    const mark = disabled ? { disabled: true } : {};
    t.deepEqual(await call(server, 'GET'), [200, { ...shown, ...mark }]);
    t.deepEqual(await call(server, 'GET', undefined, { id: '' }), [200, [{ ...shown, ...mark }]]);
    t.deepEqual(await server.deps.collections.clients.findOne({ client_id: 'ci' }), record);
  }
  const bad = { message: 'Validation error', detail: { json: { disabled: ['Not a valid boolean.'] } } };
  t.deepEqual(await call(server, 'PUT', { disabled: 'perhaps' }), [422, bad]);
});

test('a change of other fields leaves a client disabled, and a new client can be disabled', async (t) => {
  const { server } = await start(t);
  await setDisabled(server, true);
  await call(server, 'PUT', { client_secret: `${secret} 2`, max_priority: { q: 1 } });
  t.deepEqual(await logIn(server, 'ci', `${secret} 2`), loginFailed);
  t.is((await call(server, 'PUT', { client_secret: secret, disabled: true }, { id: 'new' }))[0], 200);
  t.deepEqual(await logIn(server, 'new', secret), loginFailed);
  await call(server, 'PUT', { disabled: false }, { id: 'new' });
  t.is((await logIn(server, 'new', secret)).status, 200);
});

test('the security event of a change names `disabled`, with its value before and after', async (t) => {
  const { server } = await start(t);
  await setDisabled(server, true);
  await setDisabled(server, true);
  await setDisabled(server, false);
  await call(server, 'PUT', { client_secret: secret, disabled: true }, { id: 'new' });
  const events = server.logged.filter(({ event }) => event === 'client_changed');
  t.deepEqual(
    events.slice(0, 3).map(({ changed, before, after }) => [changed, before, after]),
    [
      [['disabled'], { disabled: false }, { disabled: true }],
      [[], undefined, undefined],
      [['disabled'], { disabled: true }, { disabled: false }],
    ],
  );
  t.like(events[3], { created: true, after: { disabled: true } });
});

test('disabling needs the rights of every change; a client may disable itself', async (t) => {
  const { server } = await start(t);
  const chief = { client_id: 'chief', role: 'manager' };
  await addClient(server, { client_id: 'top', role: 'admin' });
  await addClient(server, { client_id: 'testflinger-admin', role: 'admin' }, secret);
  await addClient(server, chief, secret);
  const disable = (id: string, as: { client_id: string; role: string }) =>
    call(server, 'PUT', { disabled: true }, { id, as });
  t.is((await disable('top', chief))[0], 403);
  t.is((await disable('ci', { client_id: 'ci', role: 'contributor' }))[0], 403);
  t.is((await disable('testflinger-admin', { client_id: 'top', role: 'admin' }))[0], 422);
  t.is((await disable('nobody', chief))[0], 400, 'a client that does not exist');
  t.is(await server.deps.collections.disabledClients.countDocuments(), 0);
  t.is((await logIn(server, 'testflinger-admin', secret)).status, 200);
  t.is((await disable('ci', chief))[0], 200);
  t.is((await disable('chief', chief))[0], 200);
  t.deepEqual(await logIn(server, 'chief', secret), loginFailed);
});

test('a client that gets the id of a removed disabled client is not disabled', async (t) => {
  const { server } = await start(t);
  await setDisabled(server, true);
  t.is((await call(server, 'DELETE'))[0], 200);
  t.is(await server.deps.collections.disabledClients.countDocuments(), 0);
  await call(server, 'PUT', { client_secret: secret });
  t.is((await logIn(server, 'ci', secret)).status, 200);
});

test('a client that is removed while it is disabled leaves no mark for a later client of its id', async (t) => {
  const server = await startServer(t);
  t.false(await storeDisabled(server.deps, 'ci', true));
  t.is(await server.deps.collections.disabledClients.countDocuments(), 0);
});

test('the command that reads clients examines no other documents, also of an older database', async (t) => {
  const server = await startServer(t);
  const { clients, disabledClients } = server.deps.collections;
  const ids = Array.from({ length: 50 }, (_, n) => `client-${n}`);
  await clients.insertMany(ids.map((client_id) => ({ client_id })));
  await disabledClients.insertMany(ids.slice(25).map((_id) => ({ _id, disabled_at: new Date() })));
  await clients.insertOne({ role: 'contributor' } as never);
  for (const [asked, examined] of [
    [['client-1'], 1],
    [['client-30'], 2],
    [['client-1', 'client-2', 'client-30'], 4],
  ] as const) {
    const find = () => Promise.all(asked.map((id) => server.deps.findClient(id)));
    const commands = await listCommands(server, 'client_permissions', find);
    t.deepEqual(
      commands.map(({ docsExamined, planSummary }) => [docsExamined, planSummary]),
      [[examined, 'IXSCAN { client_id: 1 }']],
    );
  }
});

test('one command reads the clients of one moment and which of them are disabled', async (t) => {
  const server = await startRecording(t);
  const ids = ['a', 'b', 'c', 'd'];
  for (const client_id of ids) await addClient(server, { client_id }, secret);
  for (const id of ['b', 'd']) await call(server, 'PUT', { disabled: true }, { id });
  const find = async () => await Promise.all([...ids, 'none', 'b'].map((id) => server.deps.findClient(id)));
  t.deepEqual(
    (await find()).map((found) => found && [found.client_id, found.disabled]),
    [['a', undefined], ['b', true], ['c', undefined], ['d', true], undefined, ['b', true]],
  );
  t.is(await server.count('aggregate client_permissions', find), 1);
  await logIn(server, 'a', secret);
  t.is(await server.count('aggregate client_permissions', () => logIn(server, 'a', secret)), 1);
  t.deepEqual(
    server.sent.filter((command) => /client_permissions|disabled/.test(command)),
    ['aggregate client_permissions'],
  );
});
