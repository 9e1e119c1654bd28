import test from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, type LoginAnswer, listCommands, logIn, loginFailed, makeHash } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { readClaims, readTokenHeader, TestClock, testNow } from '../support/tokens.js';

const secret = 'a client secret of good length';
const challenge = 'Basic realm="queuepass", charset="UTF-8"';
const permissions = {
  client_id: 'ci',
  role: 'manager',
  max_priority: { '*': 1, q1: 50 },
  allowed_queues: ['q2'],
  max_reservation_time: { q1: 90_000 },
  email: 'ci@example.com',
};

function readTokens(answer: LoginAnswer): Record<string, string> {
  return JSON.parse(answer.body) as Record<string, string>;
}

test.serial(
  'GET authenticate/token returns the bare token, whose claims serve both generations of clients',
  async (t) => {
    const server = await startServer(t, { clock: new TestClock() });
    await addClient(server, permissions, secret);
    const answer = await logIn(server, 'ci', secret);
    t.deepEqual({ ...answer, body: '' }, { ...loginFailed, status: 200, body: '' });
    t.deepEqual(readClaims(answer.body), {
      exp: testNow + 600,
      iat: testNow,
      sub: 'access_token',
      max_priority: permissions.max_priority,
      permissions,
    });
    const { kid } = server.deps.signingKeys.current;
    t.deepEqual(readTokenHeader(answer.body), { alg: 'HS256', typ: 'JWT', kid });
  },
);

test.serial('oauth2/token returns a token without the legacy claim, and a refresh token', async (t) => {
  const server = await startServer(t, { clock: new TestClock() });
  await addClient(server, permissions, secret);
  const answer = await askToken(server, `ci:${secret}`);
  t.deepEqual({ ...answer, body: '' }, { ...loginFailed, status: 200, type: 'application/json', body: '' });
  const { access_token: token = '', refresh_token: refresh = '', ...rest } = readTokens(answer);
  t.deepEqual(rest as unknown, { token_type: 'Bearer', expires_in: 600 });
  t.regex(refresh, /^[A-Za-z0-9_-]{48,}$/);
  t.deepEqual(readClaims(token), { exp: testNow + 600, iat: testNow, sub: 'access_token', permissions });
});

test.serial('a token contains the allowed fields of the client record and no other field', async (t) => {
  const server = await startServer(t);
  const client_secret_hash = await makeHash(secret, 4);
  const extra = { sub: 'oidc|1', last_login: new Date(), note: 'n', client_secret: 'planted', _secret: 'p' };
  const record = { client_id: 'bare', client_secret_hash, role: null, email: null, ...extra };
  await server.deps.collections.clients.insertOne(record as never);
  const { body } = await logIn(server, 'bare', secret);
  const { exp, iat, ...claims } = readClaims(body);
  t.deepEqual(claims, { sub: 'access_token', max_priority: {}, permissions: { client_id: 'bare' } });
  t.is(Number(exp) - Number(iat), 600);
});

test.serial('every failed login at GET authenticate/token gets the same response', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  await addClient(server, { client_id: 'keyless' });
  await addClient(server, { client_id: 'broken', client_secret_hash: `$2b$99$${'a'.repeat(53)}` });
  await addClient(server, { client_id: 'garbled', client_secret_hash: { $gt: '' } as never });
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  const rows: [clientId: string, key: string | undefined][] = [
    ['nobody', secret],
    ['nobody', undefined],
    ['ci', 'a wrong client secret'],
    ['ci', undefined],
    ['ci', ''],
    ['ci', `${secret} `.padEnd(73, 'x')],
    ['keyless', secret],
    ['keyless', undefined],
    ['broken', secret],
    ['garbled', secret],
    ['keyless', key],
    ['nobody', key],
    ['ci', `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`],
    ['ci', `qpk_${'a'.repeat(12)}_${key.slice(17)}`],
    ['ci', 'qpk_'],
    ['$ne', secret],
    ['ci\0', secret],
  ];
  for (const [id, sent] of rows) t.deepEqual(await logIn(server, id, sent), loginFailed, `${id} ${sent}`);
});

test.serial('oauth2/token reports what is missing, and challenges clients that used Basic', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const none = { ...loginFailed, body: 'No authorization header specified' };
  const incomplete = {
    ...loginFailed,
    body: 'Client id and key must be specified in authorization header',
  };
  const invalid = {
    ...loginFailed,
    type: 'application/json',
    body: '{"error":"invalid_client"}',
  };
  const form = { grant_type: 'client_credentials' };
  const rows: [basic: string | undefined, form: Record<string, string> | undefined, answer: LoginAnswer][] = [
    [undefined, undefined, none],
    [undefined, {}, none],
    [undefined, { scope: 'any', grant_type: '', client_id: '', client_secret: '' }, none],
    [undefined, form, invalid],
    [undefined, { ...form, client_id: '', client_secret: '' }, invalid],
    [undefined, { client_id: 'ci' }, invalid],
    [undefined, { client_secret: secret }, invalid],
    [undefined, { client_id: 'ci', client_secret: 'wrong' }, invalid],
    [undefined, { ...form, client_id: 'ci', client_secret: 'wrong' }, invalid],
    ['', form, { ...invalid, challenge }],
    ['ci:wrong', form, { ...invalid, challenge }],
    [`nobody:${secret}`, { client_id: 'ci', client_secret: secret }, { ...invalid, challenge }],
    ['', undefined, { ...incomplete, challenge }],
    ['ci', undefined, { ...incomplete, challenge }],
    ['ci:', undefined, { ...incomplete, challenge }],
    [`:${secret}`, undefined, { ...incomplete, challenge }],
    ['ci:wrong', undefined, { ...loginFailed, challenge }],
    [`nobody:${secret}`, undefined, { ...loginFailed, challenge }],
    [`ci:${secret.padEnd(73, 'x')}`, undefined, { ...loginFailed, challenge }],
  ];
  for (const [basic, sent, answer] of rows)
    t.deepEqual(await askToken(server, basic, sent), answer, `${basic} ${JSON.stringify(sent)}`);
  const other = await server.request('/v1/oauth2/token', {
    method: 'POST',
    headers: { authorization: 'Bearer a.b.c' },
  });
  t.is(await other.text(), incomplete.body);
  t.is(other.headers.get('www-authenticate'), null);
});

test.serial('a form is accepted like Basic, and Basic takes precedence when both are present', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const form = { grant_type: 'client_credentials', client_id: 'ci', client_secret: secret, scope: 'any' };
  t.is((await askToken(server, undefined, form)).status, 200);
  t.is((await askToken(server, undefined, { client_id: 'ci', client_secret: secret })).status, 200);
  t.deepEqual(await askToken(server, 'ci:wrong', form), {
    ...loginFailed,
    type: 'application/json',
    body: '{"error":"invalid_client"}',
    challenge,
  });
  t.is((await askToken(server, `ci:${secret}`, { ...form, client_secret: 'wrong' })).status, 200);
  for (const basic of [undefined, `ci:${secret}`]) {
    t.deepEqual(await askToken(server, basic, { ...form, grant_type: 'password' }), {
      ...loginFailed,
      status: 400,
      type: 'application/json',
      body: '{"error":"unsupported_grant_type"}',
    });
  }
});

test.serial('Basic is accepted with any body type, and its values are tried as sent first', async (t) => {
  const server = await startServer(t);
  const odd = 'pässwörd%20with+odd:characters&=';
  await addClient(server, { client_id: 'a%b+c' }, odd);
  t.is((await askToken(server, `a%b+c:${odd}`)).status, 200);
  t.is((await askToken(server, `a%25b%2Bc:${encodeURIComponent(odd)}`)).status, 200);
  const authorization = `bAsIc ${Buffer.from(`a%b+c:${odd}`).toString('base64')}`;
  for (const body of ['', '{}', 'grant_type=password']) {
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await server.request('/v1/oauth2/token', { method: 'POST', headers, body });
    t.is(response.status, 200, body);
  }
});

test.serial('a secret of 72 bytes is accepted, and strings that bcrypt treats as equal not', async (t) => {
  const server = await startServer(t);
  const long = 'ä'.repeat(36);
  await addClient(server, { client_id: 'long' }, long);
  await addClient(server, { client_id: 'short' }, 'a short secret');
  t.is((await askToken(server, `long:${long}`)).status, 200);
  t.is((await askToken(server, `long:${long}x`)).status, 401);
  t.is((await askToken(server, 'short:a short secret\0a short secret')).status, 401);
  t.is((await askToken(server, 'short:a short secret')).status, 200);
});

test.serial(
  'hashes of every bcrypt version and cost are accepted, and the next successful login rewrites them with the configured cost',
  async (t) => {
    const server = await startServer(t, { settings: { BCRYPT_COST: '5' } });
    const { clients } = server.deps.collections;
    for (const version of ['2a', '2b', '2y']) {
      for (const cost of [4, 5, 6]) {
        const client_id = `${version}-${cost}`;
        const hash = await makeHash(secret, cost, version);
        await addClient(server, { client_id, client_secret_hash: hash });
        t.is((await logIn(server, client_id, 'wrong')).status, 401, client_id);
        t.is(
          (await clients.findOne({ client_id }))?.client_secret_hash,
          hash,
          'a failed login does not rewrite the hash',
        );
        t.is((await logIn(server, client_id, secret)).status, 200, client_id);
        const kept = (await clients.findOne({ client_id }))?.client_secret_hash ?? '';
        t.is(kept.slice(0, 7), cost === 5 ? `$${version}$05$` : '$2b$05$');
        t.is(kept === hash, cost === 5);
        t.is((await logIn(server, client_id, secret)).status, 200);
      }
    }
  },
);

test.serial('a changed secret replaces a cached one immediately, on every server', async (t) => {
  const first = await startServer(t);
  const second = await startServer(t, { database: first.deps.connection.db.databaseName });
  const servers: TestServer[] = [first, second];
  await addClient(first, { client_id: 'ci' }, secret);
  for (const server of servers) t.is((await logIn(server, 'ci', secret)).status, 200);
  const change = jsonBody(
    { client_secret: 'another client secret' },
    bearer(first, { client_id: 'boss', role: 'admin' }),
  );
  const put = await first.request('/v1/client-permissions/ci', { ...change, method: 'PUT' });
  t.is(await put.text(), "Updated permissions for client 'ci'");
  for (const server of servers) {
    t.is((await logIn(server, 'ci', secret)).status, 401);
    t.is((await logIn(server, 'ci', 'another client secret')).status, 200);
  }
  await first.deps.collections.clients.deleteOne({ client_id: 'ci' });
  for (const server of servers) t.is((await logIn(server, 'ci', 'another client secret')).status, 401);
});

test.serial('the next token contains changed permissions even if the secret is cached', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci', max_priority: { q1: 1 } }, secret);
  t.deepEqual(readClaims((await logIn(server, 'ci', secret)).body).max_priority, { q1: 1 });
  const change = { $set: { max_priority: { q1: 2 } } };
  await server.deps.collections.clients.updateOne({ client_id: 'ci' }, change);
  t.deepEqual(readClaims((await logIn(server, 'ci', secret)).body).max_priority, { q1: 2 });
});

test.serial('the last day of use of a server-made key is written once a day', async (t) => {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  await addClient(server, { client_id: 'ci' });
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  const updates = async () => {
    const logins = async () => {
      for (let i = 0; i < 3; i += 1) t.is((await logIn(server, 'ci', key)).status, 200);
    };
    const commands = await listCommands(server, 'client_keys', logins);
    return commands.filter((command) => command.op === 'update').length;
  };
  t.is(await updates(), 1);
  const day = clock.now().toISOString().slice(0, 10);
  t.is((await server.deps.collections.clientKeys.findOne())?.last_used_on, day);
  t.is(await updates(), 0);
  clock.move(24 * 3600);
  t.is(await updates(), 1);
  t.not((await server.deps.collections.clientKeys.findOne())?.last_used_on, day);
});

test.serial('every login is written to the security log, and no key or token to any log', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const tokens = readTokens(await askToken(server, `ci:${secret}`));
  const made = await makeClientKey(server.deps, 'ci');
  await logIn(server, 'ci', made.client_key);
  await logIn(server, 'ci', 'a wrong client secret');
  await logIn(server, 'pasted-key-as-id', secret);
  const events = server.logged.filter((line) => line.log === 'security');
  const seen = events.map(({ event, outcome, actor, target, source, reason, key_id }) =>
    JSON.parse(JSON.stringify({ event, outcome, actor, target, source, reason, key_id })),
  );
  const source = '127.0.0.1';
  t.deepEqual(seen, [
    { event: 'login', outcome: 'accepted', actor: 'ci', source, key_id: 'secret' },
    { event: 'login', outcome: 'accepted', actor: 'ci', source, key_id: made.key_id },
    { event: 'login', outcome: 'refused', target: 'ci', source, reason: 'wrong key' },
    { event: 'login', outcome: 'refused', source, reason: 'unknown client' },
  ]);
  const planted = [
    secret,
    made.client_key,
    'a wrong client secret',
    'pasted-key-as-id',
    ...Object.values(tokens).slice(0, 1),
  ];
  for (const text of [...planted, tokens.refresh_token ?? '?', '$2b$'])
    t.false(server.logText().includes(text), text);
});

test.serial(
  'the security log names the client of a failed login if that client exists, and no other client',
  async (t) => {
    const server = await startServer(t);
    await addClient(server, { client_id: 'known' }, 'a secret of the lab');
    const wrong = `qpk_${'a'.repeat(12)}_${'b'.repeat(43)}`;
    for (const id of ['known', 'unknown']) {
      for (const key of [wrong, 'a wrong secret']) {
        await server.request(`/v1/authenticate/token/${id}`, { headers: { 'client-key': key } });
      }
    }
    const targets = server.logged.filter(({ event }) => event === 'login').map(({ target }) => target);
    t.deepEqual(targets, ['known', 'known', undefined, undefined]);
  },
);
