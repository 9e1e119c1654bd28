import test from 'ava';
import { addClient } from '../support/clients.js';
import { Browser } from '../support/oidc/browser.js';
import { startIssuer } from '../support/oidc-issuer.js';
import { signInLocally, statusOf } from '../support/sessions.js';
import { cookieOf, startSignInWorld } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

test('another provider never gets the tokens, codes and sign-ins of the earlier one', async (t) => {
  const world = await startSignInWorld(t, { settings: { OIDC_API_PATHS: '/api/v4' } });
  const other = await startIssuer(t);
  const { browser } = await world.signIn();
  const begun = await world.signIn(undefined, { stopBeforeCallback: true });
  const init = await world.server.request('/oidc/auth-init', { method: 'POST' });
  const { request_id: id } = (await init.json()) as { request_id: string };
  const moved = await world.startAnother({ settings: { ...other.settings, OIDC_API_PATHS: '/api/v4' } });
  const { cookie } = cookieOf(browser, world.server.url);
  t.is(await statusOf(moved, cookie, '/auth/userinfo'), 401);
  t.is(await statusOf(moved, cookie, '/auth/api/api/v4/user'), 401);
  const poll = await moved.request(`/oidc/auth-poll/${id}`, { method: 'POST' });
  t.is(poll.status, 400);
  const { search } = new URL(begun.callbackUrl);
  const callback = await moved.request(`/auth/callback${search}`, {
    headers: cookieOf(begun.browser, world.server.url),
  });
  t.is(callback.headers.get('location'), '/?login=failed');
  t.deepEqual(
    other.requests.filter(({ endpoint }) => endpoint !== 'discovery'),
    [],
  );
  t.is(await statusOf(world.server, cookie, '/auth/userinfo'), 200, 'the tokens were kept');
});

test('a session holds only while the settings allow the way in which it was made', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'lab-ci', role: 'manager' }, secret);
  const { cookie } = await signInLocally(server, 'lab-ci', secret);
  const path = '/v1/client-permissions';
  t.is(await statusOf(server, cookie, path), 200);
  const database = server.deps.connection.db.databaseName;
  const closed = await startServer(t, { database, settings: { LOCAL_SIGN_IN: 'off' } });
  t.is(await statusOf(closed, cookie, path), 403);
  const world = await startSignInWorld(t, { database });
  t.is(await statusOf(world.server, cookie, path), 401);
});

test('a session lives on when another cost of bcrypt renews the hash of its secret', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'lab-ci' }, secret);
  const { cookie } = await signInLocally(server, 'lab-ci', secret);
  const database = server.deps.connection.db.databaseName;
  const dearer = await startServer(t, { database, settings: { BCRYPT_COST: '5' } });
  await signInLocally(dearer, 'lab-ci', secret);
  const stored = await server.deps.collections.clients.findOne({ client_id: 'lab-ci' });
  t.regex(stored?.client_secret_hash ?? '', /^\$2b\$05\$/);
  for (const one of [server, dearer]) t.is(await statusOf(one, cookie), 200);
});

test("another site's form cannot make a browser forget its session", async (t) => {
  const server = await startServer(t);
  const post = (site: string) =>
    server.request('/auth/logout', { method: 'POST', headers: { 'sec-fetch-site': site } });
  for (const site of ['cross-site', 'same-site']) {
    const response = await post(site);
    t.deepEqual([response.status, response.headers.get('set-cookie')], [302, null], site);
  }
  t.regex((await post('same-origin')).headers.get('set-cookie') ?? '', /^__Host-queuepass_session=;/);
});

test('an address that only userinfo states as not verified signs nobody in', async (t) => {
  const world = await startSignInWorld(t);
  world.issuer.spoil.claims = { email_verified: undefined };
  world.issuer.spoil.change('userinfo', { email_verified: false });
  const { final } = await world.signIn(new Browser());
  t.is(final.status, 403);
  t.true(final.text.includes('E-mail address not verified'));
});

test('pages of errors tell browsers to keep to https', async (t) => {
  const server = await startServer(t, {
    settings: { PUBLIC_URL: 'https://lab.example', ANONYMOUS_ACCESS: 'deny' },
  });
  const page = await server.request('/jobs', { headers: { accept: 'text/html' } });
  t.is(page.status, 401);
  t.is(page.headers.get('strict-transport-security'), 'max-age=31536000');
  const plain = await startServer(t, { settings: { ANONYMOUS_ACCESS: 'deny' } });
  const http = await plain.request('/jobs', { headers: { accept: 'text/html' } });
  t.is(http.headers.get('strict-transport-security'), null);
});
