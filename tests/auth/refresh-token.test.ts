import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { RefreshToken } from '../../server/auth/collections.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { readClaims, TestClock, testNow } from '../support/tokens.js';

const secret = 'a client secret of good length';
const day = 24 * 3600;
const digest = (token: string): string => `sha256:${createHash('sha256').update(token).digest('hex')}`;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function post(
  server: TestServer,
  path: 'refresh' | 'revoke',
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await server.request(`/v1/oauth2/${path}`, jsonBody(body, headers));
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const refused = (message: string, status = 400): Answer => ({ status, body: { message, detail: {} } });

/** A server with its own clock and a client, and the refresh token of the client's login. */
async function startWithToken(
  t: ExecutionContext,
): Promise<{ server: TestServer; clock: TestClock; token: string }> {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  await addClient(server, { client_id: 'ci', max_priority: { q1: 1 } }, secret);
  const answer = JSON.parse((await askToken(server, `ci:${secret}`)).body) as { refresh_token: string };
  return { server, clock, token: answer.refresh_token };
}

/** Stores a refresh token as an existing database has it. */
async function addStored({ deps }: TestServer, record: Partial<RefreshToken>): Promise<void> {
  const issued_at = new Date((testNow - day) * 1000);
  await deps.collections.refreshTokens.insertOne({
    client_id: 'ci',
    refresh_token: 'a clear token of an existing database',
    issued_at,
    ...record,
  });
}

test.serial('a refresh token is stored as a digest, with the timestamps of older servers', async (t) => {
  const { server, token } = await startWithToken(t);
  const stored = await server.deps.collections.refreshTokens.find({}, { projection: { _id: 0 } }).toArray();
  const hash = (await server.deps.collections.clients.findOne())?.client_secret_hash ?? '';
  t.deepEqual(stored as unknown[], [
    {
      client_id: 'ci',
      refresh_token: digest(token),
      issued_at: new Date(testNow * 1000),
      expires_at: new Date((testNow + 6 * day) * 1000),
      revoked: false,
      last_accessed: new Date(testNow * 1000),
      hash_sha256: createHash('sha256').update(hash).digest('hex'),
    },
  ]);
});

test.serial(
  'a refresh returns an access token with the current permissions, and no new refresh token',
  async (t) => {
    const { server, clock, token } = await startWithToken(t);
    const change = { $set: { max_priority: { q1: 2 }, role: 'agent' } };
    await server.deps.collections.clients.updateOne({ client_id: 'ci' }, change);
    clock.move(day);
    const response = await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: token }));
    t.is(response.status, 200);
    t.is(response.headers.get('cache-control'), 'no-store');
    const { access_token: access, ...rest } = (await response.json()) as Record<string, unknown>;
    t.deepEqual(rest, { token_type: 'Bearer', expires_in: 600 });
    t.like(readClaims(String(access)), {
      iat: testNow + day,
      exp: testNow + day + 600,
      permissions: { client_id: 'ci', role: 'agent', max_priority: { q1: 2 } },
    });
    t.is(readClaims(String(access)).max_priority, undefined);
    const stored = await server.deps.collections.refreshTokens.findOne();
    t.deepEqual(stored?.last_accessed, clock.now());
    t.deepEqual(stored?.expires_at, new Date((testNow + 6 * day) * 1000), 'its expiry stays the same');
    t.is((await post(server, 'refresh', { refresh_token: token })).status, 200, 'it can be used again');
  },
);

test.serial('a refresh token expires after 6 days', async (t) => {
  const { server, clock, token } = await startWithToken(t);
  clock.move(6 * day - 1);
  t.is((await post(server, 'refresh', { refresh_token: token })).status, 200);
  clock.move(1);
  t.deepEqual(await post(server, 'refresh', { refresh_token: token }), refused('Refresh token expired'));
});

test.serial(
  'an unknown token, a stored digest itself, and a token whose client was deleted are invalid',
  async (t) => {
    const { server, token } = await startWithToken(t);
    const invalid = refused('Invalid refresh token.');
    for (const refresh_token of ['unknown', digest(token), digest(token).toUpperCase(), ` ${token}`, '$gt'])
      t.deepEqual(await post(server, 'refresh', { refresh_token }), invalid, refresh_token);
    await server.deps.collections.clients.deleteOne({ client_id: 'ci' });
    t.deepEqual(await post(server, 'refresh', { refresh_token: token }), invalid);
  },
);

test.serial('an undigested token of an existing database is accepted, and stays undigested', async (t) => {
  const { server, clock } = await startWithToken(t);
  const refresh_token = 'a clear token of an existing database';
  await addStored(server, {});
  t.is((await post(server, 'refresh', { refresh_token })).status, 200);
  const stored = await server.deps.collections.refreshTokens.findOne({ refresh_token });
  t.deepEqual(stored?.last_accessed, clock.now());
  t.false(stored !== null && 'revoked' in stored);
  clock.move(3650 * day);
  t.is((await post(server, 'refresh', { refresh_token })).status, 200, 'without expires_at it never expires');
});

test.serial('expires_at and revoked of an existing record are respected', async (t) => {
  const { server } = await startWithToken(t);
  await addStored(server, { refresh_token: 'past', expires_at: new Date((testNow - 1) * 1000) });
  await addStored(server, { refresh_token: 'future', expires_at: new Date((testNow + 1) * 1000) });
  await addStored(server, { refresh_token: 'null', expires_at: null as never, revoked: null as never });
  await addStored(server, { refresh_token: 'revoked', revoked: true });
  await addStored(server, { refresh_token: 'both', revoked: true, expires_at: new Date(0) });
  const use = (refresh_token: string) => post(server, 'refresh', { refresh_token });
  t.deepEqual(await use('past'), refused('Refresh token expired'));
  t.is((await use('future')).status, 200);
  t.is((await use('null')).status, 200);
  t.deepEqual(await use('revoked'), refused('Refresh token revoked.'));
  t.deepEqual(await use('both'), refused('Refresh token revoked.'));
});

test.serial('an admin can revoke a token once, whether it is stored as a digest or undigested', async (t) => {
  const { server, token } = await startWithToken(t);
  await addStored(server, {});
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  for (const refresh_token of [token, 'a clear token of an existing database']) {
    t.deepEqual(await post(server, 'revoke', { refresh_token }, admin), {
      status: 200,
      body: { status: 'OK' },
    });
    t.deepEqual(await post(server, 'refresh', { refresh_token }), refused('Refresh token revoked.'));
    t.deepEqual(
      await post(server, 'revoke', { refresh_token }, admin),
      refused('Refresh token has already been revoked'),
    );
  }
  for (const refresh_token of ['unknown', digest(token)])
    t.deepEqual(await post(server, 'revoke', { refresh_token }, admin), refused('Refresh token not found'));
  const event = server.logged.find((line) => line.event === 'token_revoked');
  t.like(event, { outcome: 'accepted', actor: 'boss', target: 'ci', source: '127.0.0.1' });
  t.false(server.logText().includes(token));
});

test.serial('only an admin can revoke a token, whatever the body is', async (t) => {
  const { server, token } = await startWithToken(t);
  const forbidden = refused('Specified action requires role: admin', 403);
  t.deepEqual(await post(server, 'revoke', { refresh_token: token }), forbidden);
  t.deepEqual(await post(server, 'revoke', {}), forbidden);
  for (const role of ['manager', 'contributor', 'agent']) {
    const headers = bearer(server, { client_id: 'ci', role });
    t.deepEqual(await post(server, 'revoke', { refresh_token: token }, headers), forbidden, role);
  }
  t.is((await post(server, 'refresh', { refresh_token: token })).status, 200);
});

test.serial('the body must contain the token as a string and nothing else', async (t) => {
  const { server } = await startWithToken(t);
  const admin = bearer(server, { role: 'admin' });
  const rows: [body: unknown, reasons: object][] = [
    [{}, { refresh_token: ['Missing data for required field.'] }],
    [{ refresh_token: null }, { refresh_token: ['Field may not be null.'] }],
    [{ refresh_token: '' }, { refresh_token: ['Shorter than minimum length 1.'] }],
    [{ refresh_token: { $ne: null } }, { refresh_token: ['Not a valid string.'] }],
    [{ refresh_token: ['a'] }, { refresh_token: ['Not a valid string.'] }],
    [{ refresh_token: 'a', scope: 'b' }, { scope: ['Unknown field.'] }],
    [[], { _schema: ['Invalid input type.'] }],
  ];
  for (const [body, reasons] of rows) {
    const wrong = { status: 422, body: { message: 'Validation error', detail: { json: reasons } } };
    t.deepEqual(await post(server, 'refresh', body), wrong, JSON.stringify(body));
    t.deepEqual(await post(server, 'revoke', body, admin), wrong, JSON.stringify(body));
  }
});
