import test from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { logIn, loginFailed, readAnswer } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { readClaims, TestClock, testNow } from '../support/tokens.js';

const secret = 'a client secret of good length';
const keyPattern = /^qpk_([a-z0-9]{12})_[A-Za-z0-9_-]{43}$/;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

type Headers = Record<string, string>;

/** Sends a request below `/v1/client-permissions`, as an admin unless other headers are given. */
async function call(
  server: TestServer,
  method: string,
  path: string,
  body?: unknown,
  headers: Headers = bearer(server, { client_id: 'boss', role: 'admin' }),
): Promise<Answer> {
  const init = body === undefined ? { headers } : jsonBody(body, headers);
  const response = await server.request(`/v1/client-permissions${path}`, { ...init, method });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

/** The status and message of an error. These routes also return the request's id, which is left out. */
function errorOf({ status, body }: Answer): [status: number, message: unknown] {
  return [status, body.message];
}

const makeKey = (server: TestServer, id: string, body: object = {}, headers?: Headers) =>
  call(server, 'POST', `/${id}/keys`, body, headers);
const listKeys = async (server: TestServer, id: string): Promise<Record<string, unknown>[]> =>
  (await call(server, 'GET', `/${id}/keys`)).body as unknown as Record<string, unknown>[];

test.serial('generate_key creates a client with a key, or adds a key to an existing client', async (t) => {
  const server = await startServer(t);
  const headers = bearer(server, { client_id: 'boss', role: 'manager' });
  const init = { ...jsonBody({ max_priority: { q1: 50 } }, headers), method: 'PUT' };
  const response = await server.request('/v1/client-permissions/ci?generate_key=true', init);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json');
  t.is(response.headers.get('cache-control'), 'no-store');
  const first = (await response.json()) as Record<string, string>;
  t.deepEqual(Object.keys(first), ['client_id', 'key_id', 'client_key']);
  t.is(first.client_id, 'ci');
  t.is(keyPattern.exec(first.client_key ?? '')?.[1], first.key_id);
  const { body: second } = await call(server, 'PUT', '/ci?generate_key=true', { max_priority: { q1: 51 } });
  for (const key of [first.client_key, second.client_key]) {
    const { status, body } = await logIn(server, 'ci', String(key));
    t.is(status, 200);
    t.deepEqual(readClaims(body).max_priority, { q1: 51 });
  }
  const record = await server.deps.collections.clients.findOne({ client_id: 'ci' });
  t.false(record !== null && 'client_secret_hash' in record);
});

test.serial(
  'generate_key=false keeps the v1 responses, and generate_key cannot be combined with a secret',
  async (t) => {
    const server = await startServer(t);
    const headers = bearer(server, { role: 'admin' });
    const put = async (query: string, body: object) =>
      readAnswer(
        await server.request(`/v1/client-permissions/ci?${query}`, {
          ...jsonBody(body, headers),
          method: 'PUT',
        }),
      );
    t.is(
      (await put('generate_key=false', { client_secret: secret })).body,
      "Created permissions for client 'ci'",
    );
    const both = await put('generate_key=true', { client_secret: secret });
    t.is(both.status, 422);
    t.deepEqual((JSON.parse(both.body) as Answer['body']).detail, {
      json: { client_secret: ['Must not be given together with generate_key.'] },
    });
    const invalid = await put('generate_key=perhaps', {});
    t.is(invalid.status, 422);
    t.deepEqual((JSON.parse(invalid.body) as Answer['body']).detail, {
      query: { generate_key: ['Not a valid boolean.'] },
    });
  },
);

test.serial('only the digest of a key is stored, and the key is returned once', async (t) => {
  const server = await startServer(t, { clock: new TestClock() });
  await addClient(server, { client_id: 'ci' });
  const { status, body } = await makeKey(server, 'ci', { expires_after: 90, label: 'laptop' });
  t.is(status, 200);
  const { key_id, client_key, ...rest } = body;
  t.deepEqual(rest, { expires_at: new Date((testNow + 90) * 1000).toISOString().replace('.000Z', 'Z') });
  const stored = await server.deps.collections.clientKeys.findOne({}, { projection: { _id: 0 } });
  t.like(stored, { client_id: 'ci', key_id, label: 'laptop' });
  t.regex(stored?.secret_sha256 ?? '', /^[0-9a-f]{64}$/);
  const text = JSON.stringify(stored) + server.logText();
  t.false(text.includes(String(client_key).slice(17)));
  const shown = {
    key_id,
    label: 'laptop',
    created_at: new Date(testNow * 1000).toISOString().replace('.000Z', 'Z'),
    expires_at: rest.expires_at,
  };
  t.deepEqual(await listKeys(server, 'ci'), [{ ...shown, last_used_on: null }]);
  await logIn(server, 'ci', String(client_key));
  t.deepEqual(await listKeys(server, 'ci'), [{ ...shown, last_used_on: '2090-06-01' }]);
});

test.serial('wrong fields of a new key are reported', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' });
  const rows: [body: object, reasons: object][] = [
    [{ expires_after: 0 }, { expires_after: ['Must be greater than or equal to 1.'] }],
    [{ expires_after: 3_153_600_001 }, { expires_after: ['Must be less than or equal to 3153600000.'] }],
    [{ expires_after: 'soon' }, { expires_after: ['Not a valid integer.'] }],
    [{ label: 'x'.repeat(201) }, { label: ['Longer than maximum length 200.'] }],
    [{ client_key: 'mine' }, { client_key: ['Unknown field.'] }],
  ];
  for (const [body, reasons] of rows) {
    const answer = await makeKey(server, 'ci', body);
    t.deepEqual([answer.status, answer.body.detail], [422, { json: reasons }]);
  }
  t.is((await makeKey(server, 'ci', { expires_after: '3153600000' })).status, 200);
});

test.serial('a key stops working when it expires, and no longer counts toward the limit', async (t) => {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  await addClient(server, { client_id: 'ci' });
  const keys: string[] = [];
  for (let i = 0; i < 10; i += 1)
    keys.push(String((await makeKey(server, 'ci', { expires_after: 60 + i })).body.client_key));
  t.deepEqual(errorOf(await makeKey(server, 'ci')), [409, 'A client has at most 10 keys: delete one first']);
  clock.move(59);
  t.is((await logIn(server, 'ci', keys[0])).status, 200);
  clock.move(1);
  t.deepEqual(await logIn(server, 'ci', keys[0]), loginFailed);
  t.is((await listKeys(server, 'ci')).length, 9);
  t.is((await makeKey(server, 'ci')).status, 200);
  t.is((await makeKey(server, 'ci')).status, 409);
});

test.serial('of 20 simultaneous requests for a key exactly 10 succeed', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => makeKey(server, 'ci')));
  const made = answers.filter(({ status }) => status === 200).map(({ body }) => String(body.client_key));
  t.is(made.length, 10);
  t.is(answers.filter(({ status }) => status === 409).length, 10);
  for (const key of made) t.is((await logIn(server, 'ci', key)).status, 200);
  t.is((await listKeys(server, 'ci')).length, 10);
  t.is((await call(server, 'DELETE', `/ci/keys/${made[3]?.slice(4, 16)}`)).status, 204);
  t.is((await makeKey(server, 'ci')).status, 200);
});

test.serial('generate_key for a client with 10 keys changes nothing', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci', max_priority: { q1: 1 } });
  for (let i = 0; i < 10; i += 1) await makeClientKey(server.deps, 'ci');
  const answer = await call(server, 'PUT', '/ci?generate_key=true', { max_priority: { q1: 2 } });
  t.is(answer.status, 409);
  const record = await server.deps.collections.clients.findOne({ client_id: 'ci' });
  t.deepEqual(record?.max_priority, { q1: 1 });
});

test.serial('a deleted key stops working at once; only the URL of its own client deletes it', async (t) => {
  const server = await startServer(t);
  const other = await startServer(t, { database: server.deps.connection.db.databaseName });
  await addClient(server, { client_id: 'ci' });
  await addClient(server, { client_id: 'other' });
  const { key_id: id, client_key: key } = await makeClientKey(server.deps, 'ci');
  const { client_key: second } = await makeClientKey(server.deps, 'ci');
  t.is((await logIn(other, 'ci', key)).status, 200);
  const none = [404, 'The client has no key with this id'];
  t.deepEqual(errorOf(await call(server, 'DELETE', `/other/keys/${id}`)), none);
  t.deepEqual(await call(server, 'DELETE', `/ci/keys/${id}`), { status: 204, body: {} });
  t.deepEqual(errorOf(await call(server, 'DELETE', `/ci/keys/${id}`)), none);
  t.is((await logIn(other, 'ci', key)).status, 401);
  t.is((await logIn(other, 'ci', second)).status, 200);
});

test.serial('a key is created only if the client exists when the key is stored', async (t) => {
  const server = await startServer(t);
  const error = await t.throwsAsync(makeClientKey(server.deps, 'removed meanwhile'));
  t.is(error?.message, 'Error: Specified client_id does not exist.');
  t.is(await server.deps.collections.clientKeys.countDocuments(), 0);
});

test.serial('managers and admins manage keys, under the same rules as changing the client', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' });
  await addClient(server, { client_id: 'chief', role: 'admin' });
  await addClient(server, { client_id: 'testflinger-admin', role: 'admin' });
  await addClient(server, { client_id: 'person', sub: 'oidc|1' });
  const manager = bearer(server, { client_id: 'boss', role: 'manager' });
  const rows: [id: string, status: number, message: string][] = [
    ['chief', 403, "boss has insufficient permissions to modify client 'chief'"],
    ['testflinger-admin', 422, 'Error: System admin client cannot by modified from API.'],
    ['person', 422, 'Error: Cannot add email or client secret to OIDC client id'],
    ['nobody', 404, 'Error: Specified client_id does not exist.'],
  ];
  for (const [id, status, message] of rows) {
    t.deepEqual(errorOf(await call(server, 'POST', `/${id}/keys`, {}, manager)), [status, message]);
    t.deepEqual(errorOf(await call(server, 'GET', `/${id}/keys`, undefined, manager)), [status, message]);
    t.deepEqual(errorOf(await call(server, 'DELETE', `/${id}/keys/k`, undefined, manager)), [
      status,
      message,
    ]);
  }
  t.is((await makeKey(server, 'ci', {}, manager)).status, 200);
  t.is((await makeKey(server, 'chief')).status, 200);
  const forbidden = [403, 'Specified action requires role: admin, manager'];
  for (const headers of [{}, bearer(server, { client_id: 'ci' }), bearer(server, { role: 'agent' })])
    t.deepEqual(
      errorOf(await makeKey(server, 'ci', {}, headers)),
      forbidden,
      'an access token does not suffice, even for the keys of its own client',
    );
});

test.serial('a client manages its own keys by sending one of them, or its secret', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci', role: 'agent' }, secret);
  await addClient(server, { client_id: 'other' });
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  for (const shown of [key, secret]) {
    const made = await makeKey(server, 'ci', {}, { 'client-key': shown });
    t.is(made.status, 200);
    const list = await call(server, 'GET', '/ci/keys', undefined, { 'client-key': shown });
    t.is(list.status, 200);
    const path = `/ci/keys/${String(made.body.key_id)}`;
    t.is((await call(server, 'DELETE', path, undefined, { 'client-key': shown })).status, 204);
    const theirs = await server.request('/v1/client-permissions/other/keys', {
      headers: { 'client-key': shown },
    });
    t.deepEqual(await readAnswer(theirs), {
      ...loginFailed,
      caching: null,
      challenge: 'Bearer realm="queuepass"',
    });
    const permissions = await server.request('/v1/client-permissions/ci', {
      headers: { 'client-key': shown },
    });
    t.is(permissions.status, 403, 'no other route accepts the header');
  }
  const wrong = await server.request('/v1/client-permissions/ci/keys', {
    headers: { 'client-key': 'wrong' },
  });
  t.is(wrong.status, 401);
});

test.serial('the built-in admin client cannot manage its own keys', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'testflinger-admin', role: 'admin' }, secret);
  const answer = await makeKey(server, 'testflinger-admin', {}, { 'client-key': secret });
  t.deepEqual(errorOf(answer), [422, 'Error: System admin client cannot by modified from API.']);
});

test.serial(
  'an agent token is a refresh token that does not expire, and only clients with the role agent can have one',
  async (t) => {
    const clock = new TestClock();
    const server = await startServer(t, { clock });
    await addClient(server, { client_id: 'a1', role: 'agent' }, secret);
    await addClient(server, { client_id: 'ci' });
    const { status, body } = await call(server, 'POST', '/a1/agent-token', {});
    t.is(status, 200);
    t.deepEqual(Object.keys(body), ['refresh_token']);
    clock.move(400 * 24 * 3600);
    const refresh = await server.request('/v1/oauth2/refresh', jsonBody(body));
    t.is(refresh.status, 200);
    const { access_token: token } = (await refresh.json()) as { access_token: string };
    t.like(readClaims(token), { permissions: { client_id: 'a1', role: 'agent' } });
    const stored = await server.deps.collections.refreshTokens.findOne();
    t.false(stored !== null && 'expires_at' in stored);
    t.deepEqual(errorOf(await call(server, 'POST', '/ci/agent-token', {})), [
      422,
      'Only a client with the role agent can have an agent token',
    ]);
    t.is((await call(server, 'POST', '/nobody/agent-token', {})).status, 404);
    const own = await call(server, 'POST', '/a1/agent-token', {}, { 'client-key': secret });
    t.deepEqual(errorOf(own), [403, 'Specified action requires role: admin, manager']);
  },
);

test.serial('creating and deleting a key is written to the security log with the key id', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' });
  const { body } = await makeKey(server, 'ci');
  const id = String(body.key_id);
  await call(server, 'DELETE', `/ci/keys/${id}`);
  const events = server.logged.filter((line) => line.log === 'security');
  t.like(events, {
    0: { event: 'client_key_made', actor: 'boss', target: `ci ${id}` },
    1: { event: 'client_key_removed', actor: 'boss', target: `ci ${id}` },
  });
});
