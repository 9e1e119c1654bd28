import test, { type ExecutionContext } from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, logIn } from '../support/logins.js';
import { startServer } from '../support/start-server.js';
import { TestClock, testNow } from '../support/tokens.js';

const secret = 'a client secret of good length';
const hour = 3600;

/** A server with a client that has a secret, an endless key, and a key that expires in an hour. */
async function start(t: ExecutionContext) {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  await addClient(server, { client_id: 'ci' }, secret);
  const endless = await makeClientKey(server.deps, 'ci');
  const short = await makeClientKey(server.deps, 'ci', { expires_after: hour });
  const call = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
    const init = body === undefined ? { headers } : jsonBody(body, headers);
    const response = await server.request(`/v1/client-permissions/ci/keys${path}`, { ...init, method });
    const text = await response.text();
    const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, body: parsed };
  };
  return { server, clock, endless, short, call };
}

test.serial('a key that expires makes only keys that expire no later', async (t) => {
  const { server, clock, short, call } = await start(t);
  const own = { 'client-key': short.client_key };
  clock.move(10);
  for (const body of [{}, { expires_after: hour }, { expires_after: hour - 9 }]) {
    const refused = await call('POST', '', own, body);
    t.deepEqual(
      [refused.status, refused.body.message],
      [403, 'A key that expires can only create keys that expire no later: ask a manager'],
    );
  }
  const made = await call('POST', '', own, { expires_after: hour - 10 });
  t.is(made.status, 200);
  const end = new Date((testNow + hour) * 1000).toISOString().replace('.000Z', 'Z');
  t.is(made.body.expires_at, end);
  const further = await call('POST', '', { 'client-key': String(made.body.client_key) }, {});
  t.is(further.status, 403, 'nor does a key that it made');
  t.is(await server.deps.collections.clientKeys.countDocuments(), 3);
  const events = server.logged.filter(({ event }) => event === 'role_refused');
  t.like(events[0], { actor: 'ci', reason: 'key_outlives' });
});

test.serial('a key that expires lists the keys, and removes only itself', async (t) => {
  const { server, endless, short, call } = await start(t);
  const own = { 'client-key': short.client_key };
  t.is((await call('GET', '', own)).status, 200);
  for (const id of [endless.key_id, 'unknown']) {
    const refused = await call('DELETE', `/${id}`, own);
    t.deepEqual(
      [refused.status, refused.body.message],
      [403, 'A key that expires can only remove itself: ask a manager'],
    );
  }
  t.is((await logIn(server, 'ci', endless.client_key)).status, 200);
  t.is((await call('DELETE', `/${short.key_id}`, own)).status, 204);
  t.is((await logIn(server, 'ci', short.client_key)).status, 401);
});

test.serial('an endless key, a secret and a manager make and remove every key', async (t) => {
  const { server, endless, short, call } = await start(t);
  const manager = bearer(server, { client_id: 'boss', role: 'manager' });
  for (const headers of [{ 'client-key': endless.client_key }, { 'client-key': secret }, manager]) {
    const made = await call('POST', '', headers, {});
    t.is(made.status, 200);
    t.is((await call('DELETE', `/${String(made.body.key_id)}`, headers)).status, 204);
  }
  t.is((await call('DELETE', `/${short.key_id}`, { 'client-key': endless.client_key })).status, 204);
});

test.serial(
  'with an access token got for a key that expires, a manager makes endless keys, and nobody else does',
  async (t) => {
    const { server, call, short } = await start(t);
    const getToken = async () => {
      const response = await askToken(server, `ci:${short.client_key}`);
      return {
        authorization: `Bearer ${(JSON.parse(response.body) as { access_token: string }).access_token}`,
      };
    };
    for (const role of ['contributor', 'agent']) {
      await server.deps.collections.clients.updateOne({ client_id: 'ci' }, { $set: { role } });
      const refused = await call('POST', '', await getToken(), {});
      t.deepEqual(
        [refused.status, refused.body.message],
        [403, 'Specified action requires role: admin, manager'],
      );
    }
    await server.deps.collections.clients.updateOne({ client_id: 'ci' }, { $set: { role: 'manager' } });
    t.is((await call('POST', '', { 'client-key': short.client_key }, {})).status, 403);
    const made = await call('POST', '', await getToken(), {});
    t.deepEqual([made.status, made.body.expires_at], [200, null]);
  },
);
