import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import type { Browser } from '../support/oidc/browser.js';
import { signInLocally, statusOf } from '../support/sessions.js';
import { share } from '../support/share-server.js';
import { cookieOf, type SignInWorld, startSignInWorld } from '../support/sign-in-world.js';
import type { TestServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

const shared = share(test, async (owner): Promise<SignInWorld & { another: TestServer }> => {
  const world = await startSignInWorld(owner, { settings: { LOCAL_SIGN_IN: 'on' } });
  return { ...world, another: await world.startAnother() };
});

/** A session whose end is tested. */
interface Ending {
  browser: Browser;
  cookie: string;
  clientId: string;
  /** Sends a request as an admin. */
  asAdmin(method: string, path: string, body?: object): Promise<Response>;
  /** Sends a request with a session, as the browser's page does. */
  asPage(method: string, path: string, cookie: string): Promise<Response>;
}

async function asPage(method: string, path: string, cookie: string): Promise<Response> {
  const { server } = shared();
  const session = await server.request('/v1/session', { headers: { cookie } });
  const { csrf_token: token } = (await session.json()) as { csrf_token: string };
  const headers = { cookie, 'sec-fetch-site': 'same-origin', 'x-csrf-token': token };
  return server.request(path, { method, headers });
}

function asAdmin(method: string, path: string, body?: object): Promise<Response> {
  const { server } = shared();
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  return server.request(path, { ...(body ? jsonBody(body, admin) : { headers: admin }), method });
}

async function handleOf(cookie: string): Promise<string> {
  const list = await shared().server.request('/v1/sessions', { headers: { cookie } });
  const found = ((await list.json()) as { handle: string; current: boolean }[]).find(
    ({ current }) => current,
  );
  return found?.handle ?? '';
}

/** Signs the same person in with another browser. */
async function another(): Promise<string> {
  const { server, signIn } = shared();
  return cookieOf((await signIn()).browser, server.url).cookie;
}

/** The ways in which a person's session ends, and the status of the request that ends it. */
const ends: Record<string, (ending: Ending) => Promise<number>> = {
  'the list of sessions': async ({ cookie }) =>
    (await asPage('DELETE', `/v1/sessions/${await handleOf(cookie)}`, await another())).status,
  'the end of all other sessions': async () =>
    (await asPage('DELETE', '/v1/sessions', await another())).status,
  'an admin': async ({ cookie }) =>
    (await asAdmin('DELETE', `/v1/sessions/${await handleOf(cookie)}`)).status,
  'a link to sign out': async ({ browser }) =>
    (await browser.visit(`${shared().server.url}/auth/logout`, { from: shared().server.url })).hops[0]
      ?.status ?? 0,
  'the form to sign out': async ({ browser }) => {
    const { issuer, server } = shared();
    const { final: question } = await browser.visit(`${server.url}/auth/logout`, { from: issuer.url });
    if (!question.text.includes('Do you want to sign out?')) throw new Error(question.text);
    return (await browser.submit(question)).hops[0]?.status ?? 0;
  },
  'another sign-in': async ({ browser }) => (await shared().signIn(browser)).hops[0]?.status ?? 0,
  'the removal of the client': async ({ clientId }) =>
    (await asAdmin('DELETE', `/v1/client-permissions/${clientId}`)).status,
  'the end of the record by itself': async ({ clientId }) =>
    (await shared().server.deps.collections.clients.deleteOne({ client_id: clientId })).deletedCount,
  'a record of another person with the same client id': async ({ clientId }) =>
    (
      await shared().server.deps.collections.clients.updateOne(
        { client_id: clientId },
        { $set: { sub: 'other' } },
      )
    ).modifiedCount,
  'the disabling of the client': async ({ clientId }) =>
    (await asAdmin('PUT', `/v1/client-permissions/${clientId}`, { disabled: true })).status,
};

const statuses: Record<string, number> = {
  'the list of sessions': 204,
  'the end of all other sessions': 204,
  'an admin': 204,
  'a link to sign out': 302,
  'the form to sign out': 302,
  'another sign-in': 302,
  'the removal of the client': 200,
  'the end of the record by itself': 1,
  'a record of another person with the same client id': 1,
  'the disabling of the client': 200,
};

for (const [n, [name, end]] of Object.entries(ends).entries()) {
  test.serial(`${name} makes a session's cookie worthless on all processes at once`, async (t) => {
    const { issuer, server, another: second, signIn } = shared();
    const email = `person${n}@example.com`;
    issuer.person = { sub: `90${n}`, name: 'Ada', email };
    const { browser } = await signIn();
    const { cookie } = cookieOf(browser, server.url);
    for (const one of [server, second]) t.is(await statusOf(one, cookie), 200);
    t.is(await end({ browser, cookie, clientId: email, asAdmin, asPage }), statuses[name] ?? 0);
    for (const one of [second, server]) {
      t.is(await statusOf(one, cookie), 401);
      t.is(await statusOf(one, cookie, '/v1/client-permissions'), 401);
    }
    if (name.includes('sign out'))
      t.is(browser.cookies.find(server.url, '__Host-queuepass_session'), undefined);
  });
}

test.serial('the end of a session is an event with who ended it', async (t) => {
  const { server, issuer, signIn } = shared();
  issuer.person = { sub: '950', email: 'event@example.com' };
  const { cookie } = cookieOf((await signIn()).browser, server.url);
  const handle = await handleOf(cookie);
  await asAdmin('DELETE', `/v1/sessions/${handle}`);
  const [stored] = await server.deps.collections.auditEvents
    .find({ event: 'session_expired', target: 'event@example.com' })
    .toArray();
  t.like(stored, { actor: 'boss', outcome: 'accepted', detail: { session: handle } });
});

test.serial('only a client itself and admins see and end its sessions', async (t) => {
  const { server, issuer, signIn } = shared();
  issuer.person = { sub: '960', email: 'mine@example.com' };
  const mine = cookieOf((await signIn()).browser, server.url).cookie;
  issuer.person = { sub: '961', email: 'yours@example.com' };
  const yours = cookieOf((await signIn()).browser, server.url).cookie;
  const foreign = await asPage('DELETE', `/v1/sessions/${await handleOf(mine)}`, yours);
  t.is(foreign.status, 404);
  t.like(await foreign.json(), { message: 'There is no such session' });
  const list = (cookie: string) =>
    server.request('/v1/sessions?client_id=mine@example.com', { headers: { cookie } });
  t.is((await list(yours)).status, 403);
  t.is((await list(mine)).status, 200);
  t.is((await asAdmin('GET', '/v1/sessions?client_id=mine@example.com')).status, 200);
  t.is(await statusOf(server, mine), 200);
  const named = await asPage('DELETE', '/v1/sessions/%24ne', yours);
  t.is(named.status, 404);
});

test.serial('a session of a client key ends with the key', async (t) => {
  const { server, another: second } = shared();
  const newKey = async (id: string, body: object = {}) => {
    const made = await asAdmin('POST', `/v1/client-permissions/${id}/keys`, body);
    return (await made.json()) as { key_id: string; client_key: string };
  };
  await addClient(server, { client_id: 'ci' }, secret);
  const key = await newKey('ci');
  const { cookie: withKey, posted } = await signInLocally(server, 'ci', key.client_key);
  t.is(posted?.status, 303);
  const { cookie: withSecret } = await signInLocally(server, 'ci', secret);
  const check = async (cookie: string, status: number) => {
    for (const one of [server, second]) t.is(await statusOf(one, cookie), status);
  };
  await check(withKey, 200);
  await check(withSecret, 200);
  t.is((await asAdmin('DELETE', `/v1/client-permissions/ci/keys/${key.key_id}`)).status, 204);
  await check(withKey, 401);
  await check(withSecret, 200);
  t.is((await asAdmin('PUT', '/v1/client-permissions/ci', { client_secret: `${secret}!` })).status, 200);
  await check(withSecret, 401);
});

test.serial(
  'a client that becomes an agent has no session any more, and a new role counts at once',
  async (t) => {
    const { server } = shared();
    await addClient(server, { client_id: 'changing' }, secret);
    const { cookie } = await signInLocally(server, 'changing', secret);
    const { clients } = server.deps.collections;
    const setRole = (role: string) => clients.updateOne({ client_id: 'changing' }, { $set: { role } });
    t.is(await statusOf(server, cookie, '/v1/client-permissions'), 403);
    await setRole('manager');
    t.is(await statusOf(server, cookie, '/v1/client-permissions'), 200);
    await setRole('contributor');
    t.is(await statusOf(server, cookie, '/v1/client-permissions'), 403);
    await setRole('agent');
    t.is(await statusOf(server, cookie), 401);
  },
);
