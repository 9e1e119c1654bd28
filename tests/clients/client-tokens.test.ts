import test, { type ExecutionContext } from 'ava';
import { issueRefreshToken } from '../../server/auth/refresh-token.js';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, logIn, makeHash } from '../support/logins.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { startServer } from '../support/start-server.js';
import { TestClock, testNow } from '../support/tokens.js';

const secret = 'a client secret of good length';
const other = 'another secret of good length';
const presented = (seconds: number) => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');

type Headers = Record<string, string>;
interface Listed {
  token_id: string;
  key_id: string | null;
}

/** A server with the client `ci`, and functions that use its refresh tokens. */
async function start(t: ExecutionContext) {
  const clock = new TestClock();
  const server = await startServer(t, { clock, settings: { BCRYPT_COST: '5' } });
  await addClient(server, { client_id: 'ci' }, secret);
  const manager = bearer(server, { client_id: 'boss', role: 'manager' });
  const tokenOf = async (key: string): Promise<string> =>
    (JSON.parse((await askToken(server, `ci:${key}`)).body) as { refresh_token: string }).refresh_token;
  const refresh = async (refresh_token: string): Promise<number | string> => {
    const response = await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token }));
    if (response.status === 200) return 200;
    return ((await response.json()) as { message: string }).message;
  };
  const path = '/v1/client-permissions/ci/refresh-tokens';
  const list = async (
    headers: Headers = bearer(server, { client_id: 'boss', role: 'manager' }),
  ): Promise<Listed[]> => (await (await server.request(path, { headers })).json()) as Listed[];
  const revoke = async (id: string, headers: Headers = manager, from = path): Promise<number> =>
    (await server.request(`${from}/${id}`, { method: 'DELETE', headers })).status;
  return { clock, server, manager, tokenOf, refresh, list, revoke };
}

test.serial('a refresh token ends with the key that got it, when that is removed or expires', async (t) => {
  const { clock, server, manager, tokenOf, refresh, list } = await start(t);
  const removed = await makeClientKey(server.deps, 'ci');
  const expiring = await makeClientKey(server.deps, 'ci', { expires_after: 3600 });
  const kept = await makeClientKey(server.deps, 'ci');
  const [ofRemoved, ofExpiring, ofKept] = [
    await tokenOf(removed.client_key),
    await tokenOf(expiring.client_key),
    await tokenOf(kept.client_key),
  ];
  for (const token of [ofRemoved, ofExpiring, ofKept]) t.is(await refresh(token), 200);
  const path = `/v1/client-permissions/ci/keys/${removed.key_id}`;
  t.is((await server.request(path, { method: 'DELETE', headers: manager })).status, 204);
  t.is(await refresh(ofRemoved), 'Invalid refresh token.');
  t.is(await refresh(ofExpiring), 200);
  clock.move(3600);
  t.is(await refresh(ofExpiring), 'Invalid refresh token.');
  t.is(await refresh(ofKept), 200);
  t.deepEqual(
    (await list()).map(({ key_id }) => key_id),
    [kept.key_id],
  );
  const form = { grant_type: 'refresh_token', refresh_token: ofRemoved };
  t.is((await askToken(server, `ci:${secret}`, form)).body, '{"error":"invalid_grant"}');
  const reasons = server.logged.filter(({ event }) => event === 'refresh').map(({ reason }) => reason);
  t.is(reasons.filter((reason) => reason === 'key gone').length, 3);
});

test.serial(
  'a refresh token ends with the secret that got it, and not when its hash is renewed',
  async (t) => {
    const { server, manager, tokenOf, refresh, list } = await start(t);
    const { clients } = server.deps.collections;
    const ofSecret = await tokenOf(secret);
    const { client_key: key } = await makeClientKey(server.deps, 'ci');
    const ofKey = await tokenOf(key);
    // The same secret with another cost, as after a change of BCRYPT_COST: the next login renews its hash.
    const hash = await makeHash(secret, 4);
    await clients.updateOne({ client_id: 'ci' }, { $set: { client_secret_hash: hash } });
    t.is(await refresh(ofSecret), 'Invalid refresh token.', 'another hash');
    const ofOldCost = await tokenOf(secret);
    t.is(await refresh(ofOldCost), 200);
    await clients.updateOne({ client_id: 'ci' }, { $set: { client_secret_hash: hash } });
    const { sha256 } = await import('../../server/crypto/digest.js');
    await server.deps.collections.refreshTokens.updateMany(
      { hash_sha256: { $exists: true } },
      { $set: { hash_sha256: sha256(hash, 'hex') } },
    );
    server.deps.verifiedSecrets.add('unrelated', 'pair');
    t.is((await logIn(server, 'ci', secret)).status, 200);
    t.not(
      (await clients.findOne({ client_id: 'ci' }))?.client_secret_hash,
      hash,
      'the login renewed the hash',
    );
    t.is(await refresh(ofOldCost), 200);
    const change = { ...jsonBody({ client_secret: other }, manager), method: 'PUT' };
    t.is((await server.request('/v1/client-permissions/ci', change)).status, 200);
    t.is(await refresh(ofOldCost), 'Invalid refresh token.');
    t.is(await refresh(ofKey), 200);
    t.is((await list()).length, 1);
  },
);

test.serial('endless agent tokens and tokens of an existing database end with no key', async (t) => {
  const { server, manager, refresh } = await start(t);
  const endless = await issueRefreshToken(server.deps, 'ci', false);
  const issued_at = new Date(testNow * 1000);
  const clear = 'a clear token of an existing database';
  await server.deps.collections.refreshTokens.insertOne({ client_id: 'ci', refresh_token: clear, issued_at });
  const change = { ...jsonBody({ client_secret: other }, manager), method: 'PUT' };
  t.is((await server.request('/v1/client-permissions/ci', change)).status, 200);
  t.is(await refresh(endless), 200);
  t.is(await refresh(clear), 200);
});

test.serial('managers and the client itself list and revoke its refresh tokens', async (t) => {
  const { clock, server, manager, tokenOf, refresh, list, revoke } = await start(t);
  const { key_id, client_key: key } = await makeClientKey(server.deps, 'ci');
  const [ofSecret, ofKey] = [await tokenOf(secret), await tokenOf(key)];
  clock.move(60);
  t.is(await refresh(ofKey), 200);
  const [first, second] = await list();
  const shown = { issued_at: presented(testNow), expires_at: presented(testNow + 6 * 24 * 3600) };
  t.deepEqual(first as unknown, {
    token_id: first?.token_id,
    key_id: null,
    ...shown,
    last_used_at: presented(testNow),
  });
  t.deepEqual(second as unknown, {
    token_id: second?.token_id,
    key_id,
    ...shown,
    last_used_at: presented(testNow + 60),
  });
  t.deepEqual(await list({ 'client-key': key }), await list());
  t.false(JSON.stringify(await list()).includes(ofKey));
  t.is(await revoke(first?.token_id ?? '', { 'client-key': key }), 204);
  t.is(await refresh(ofSecret), 'Refresh token revoked.');
  t.is(await revoke(first?.token_id ?? ''), 404, 'revoked already');
  for (const id of ['unknown', 'f'.repeat(24), '$ne']) t.is(await revoke(id), 404, id);
  await addClient(server, { client_id: 'chief', role: 'admin' });
  const theirs = '/v1/client-permissions/chief/refresh-tokens';
  t.is(await revoke(second?.token_id ?? '', manager, theirs), 403);
  t.is(await revoke(second?.token_id ?? '', bearer(server, { client_id: 'ci' })), 403);
  t.is(await revoke(second?.token_id ?? ''), 204);
  t.deepEqual(await list(), []);
  const events = server.logged.filter(({ event }) => event === 'token_revoked');
  t.deepEqual(
    events.map(({ actor, target }) => [actor, target]),
    [
      ['ci', 'ci'],
      ['boss', 'ci'],
    ],
  );
});

test.serial('a key that expires revokes only the refresh tokens that it got', async (t) => {
  const { server, tokenOf, list, revoke } = await start(t);
  const { key_id, client_key: key } = await makeClientKey(server.deps, 'ci', { expires_after: 3600 });
  await tokenOf(secret);
  await tokenOf(key);
  const own = { 'client-key': key };
  for (const token of await list(own)) {
    t.is(await revoke(token.token_id, own), token.key_id === key_id ? 204 : 403);
  }
  t.is((await list()).length, 1);
});

test.serial('queuepass token list and revoke work for managers and for the client itself', async (t) => {
  const server = await startServer(t);
  const { environment } = await addActor(server, 'manager');
  const { environment: own, key } = await addActor(server, 'contributor', 'ci');
  for (let i = 0; i < 3; i += 1) t.is((await askToken(server, `ci:${key}`)).status, 200);
  const listed = await runQueuepass(['token', 'list', 'ci'], { environment });
  t.is(listed.status, 0, listed.stderr);
  const rows = listed.stdout.trim().split('\n');
  t.regex(rows[0] ?? '', /^TOKEN +KEY +ISSUED +EXPIRES +LAST USED$/);
  t.is(rows.length, 4);
  const [id = ''] = (rows[1] ?? '').split(' ');
  const one = await runQueuepass(['token', 'revoke', 'ci', id], { environment: own });
  t.is(one.stdout, 'Revoked 1 refresh token of ci\n', one.stderr);
  const again = await runQueuepass(['token', 'revoke', 'ci', id], { environment });
  t.regex(again.stderr, /no refresh token with this id.*\(queuepass token list ci\)/);
  for (const args of [
    ['token', 'revoke', 'ci'],
    ['token', 'revoke', 'ci', id, '--all'],
  ])
    t.is((await runQueuepass(args, { environment })).status, 2);
  const all = await runQueuepass(['token', 'revoke', 'ci', '--all'], { environment });
  t.is(all.stdout, 'Revoked 2 refresh tokens of ci\n', all.stderr);
  const json = await runQueuepass(['token', 'list', 'ci', '--json'], { environment: own });
  t.deepEqual(JSON.parse(json.stdout), []);
  t.regex((await runQueuepass(['token'], { environment: own })).stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
});
