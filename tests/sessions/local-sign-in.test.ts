import test from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient, bearer } from '../support/clients.js';
import { addSignedIn, signInLocally } from '../support/local-sign-in.js';
import { Browser, readForm } from '../support/oidc/browser.js';
import { cookieOf, listRefusals } from '../support/sign-in-world.js';
import { startServer, type TestServer } from '../support/start-server.js';

const sessionCookie = '__Host-queuepass_session';

/** Settings with which OIDC is on. Its provider is never asked. */
const oidc = {
  OIDC_CLIENT_ID: 'queuepass',
  OIDC_PROVIDER_ISSUER: 'http://127.0.0.1:1',
  WEB_SECRET_KEY: 'a web secret key for tests, long enough for any',
};

interface ListedSession {
  handle: string;
  client_id?: string;
  current: boolean;
}

const idOf = (browser: Browser, { url }: TestServer) => browser.cookies.find(url, sessionCookie)?.value;

const sessionOf = (server: TestServer, browser: Browser) =>
  server.request('/v1/session', { headers: cookieOf(browser, server.url) });

async function listSessions(server: TestServer, headers: HeadersInit, query = ''): Promise<ListedSession[]> {
  const answer = await server.request(`/v1/sessions${query}`, { headers });
  return (await answer.json()) as ListedSession[];
}

/** Sends a request that changes something, as a page of the server does. */
async function send(
  server: TestServer,
  browser: Browser,
  { method, path }: { method: string; path: string },
): Promise<number> {
  const { csrf_token: token } = (await (await sessionOf(server, browser)).json()) as { csrf_token: string };
  const headers = {
    ...cookieOf(browser, server.url),
    'x-csrf-token': token,
    'sec-fetch-site': 'same-origin',
  };
  return (await server.request(path, { method, headers })).status;
}

/** Returns the statuses of sessions by their cookies. */
function statusesOf(server: TestServer, browsers: readonly Browser[]): Promise<number[]> {
  return Promise.all(browsers.map(async (browser) => (await sessionOf(server, browser)).status));
}

async function messageOf(answer: Response): Promise<unknown> {
  return ((await answer.json()) as { message: string }).message;
}

test('a client signs in with its key at a form, and its session has the fields of its record', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'lab-ci', role: 'manager', email: 'ci@lab.example' });
  const { client_key: key } = await makeClientKey(server.deps, 'lab-ci');
  const none = await server.request('/v1/session');
  t.deepEqual([none.status, await messageOf(none)], [401, 'Not signed in']);

  const browser = new Browser();
  const { final: page } = await browser.visit(`${server.url}/auth/local?next=/agents?a=b`);
  t.is(page.status, 200);
  t.regex(page.text, /<title>Sign in with a client key/);
  t.regex(page.text, /<input id="client_key" name="client_key" type="password"/);
  const { action, fields } = readForm(page.text);
  t.is(action, '/auth/local');
  t.is(fields.next, '/agents?a=b');
  t.regex(String(page.headers['set-cookie']), /^__Host-queuepass_login=[\w-]{43}; .*Max-Age=600$/);

  const { hops } = await browser.submit(page, { client_id: 'lab-ci', client_key: key });
  t.deepEqual([hops[0]?.status, hops[0]?.location], [303, `${server.url}/agents?a=b`]);
  const [cookie, ...others] = [hops[0]?.headers['set-cookie'] ?? []].flat();
  t.regex(cookie ?? '', /^__Host-queuepass_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
  t.deepEqual(others, [], 'the secret of the browser stays for its other tabs');
  t.deepEqual(browser.cookies.refused, []);

  const answer = await sessionOf(server, browser);
  const session = (await answer.json()) as Record<string, string>;
  t.is(answer.status, 200);
  t.is(answer.headers.get('cache-control'), 'no-store');
  const { csrf_token: token = '', created_at = '', idle_expires_at = '', expires_at = '', ...rest } = session;
  t.deepEqual(rest as object, { client_id: 'lab-ci', name: null, email: 'ci@lab.example', role: 'manager' });
  t.regex(token, /^[\w-]{40,}$/);
  t.is(Date.parse(idle_expires_at) - Date.parse(created_at), 120 * 60_000);
  t.is(Date.parse(expires_at) - Date.parse(created_at), 12 * 3600_000);

  const stored = await server.deps.collections.sessions.findOne({ client_id: 'lab-ci' });
  t.like(stored, { method: 'local', origin: { key_id: key.slice(4, 16) } });
  t.true(stored?.user_agent?.includes('Chrome/140'));
  t.false(JSON.stringify(stored).includes(idOf(browser, server) as string), 'only the digest is stored');
  const events = server.logged.filter(({ log }) => log === 'security');
  t.deepEqual(
    events.map(({ event, outcome, actor }) => [event, outcome, actor]),
    [['login', 'accepted', 'lab-ci']],
  );
  t.false(server.logText().includes(key));
});

test('a wrong key gets the page again with 401, one security event, and the compares of the token route', async (t) => {
  const compares: unknown[] = [];
  const server = await startServer(t, { onCompare: (kind, cost) => void compares.push([kind, cost]) });
  await addClient(server, { client_id: 'lab-ci' }, 'the right secret of lab-ci');
  const { client_key: key } = await makeClientKey(server.deps, 'lab-ci');
  const wrong: [what: string, clientId: string, clientKey: string, reason: string][] = [
    ['a wrong secret', 'lab-ci', 'a wrong secret of lab-ci', 'wrong key'],
    ['an unknown client', 'nobody', 'a wrong secret of nobody', 'unknown client'],
    ['a wrong server-made key', 'lab-ci', `${key.slice(0, -4)}AAAA`, 'wrong server-made key'],
  ];
  for (const [what, clientId, clientKey, reason] of wrong) {
    const token = await server.request(`/v1/authenticate/token/${clientId}`, {
      headers: { 'client-key': clientKey },
    });
    t.is(token.status, 401, what);
    const ofToken = compares.splice(0);
    const before = listRefusals(server).length;
    const browser = new Browser();
    const { final } = await signInLocally(browser, {
      url: server.url,
      clientId,
      key: clientKey,
      next: '/jobs',
    });
    t.is(final.status, 401, what);
    t.regex(final.text, /<p role="alert" id="problem">Invalid client id or client key<\/p>/, what);
    t.is(readForm(final.text).fields.next, '/jobs', what);
    t.true(final.text.includes(`value="${clientId}"`), what);
    t.false(final.text.includes(clientKey), what);
    t.is(idOf(browser, server), undefined, what);
    t.deepEqual(compares.splice(0), ofToken, what);
    const events = listRefusals(server).slice(before);
    t.deepEqual(
      events.map((event) => [event.event, event.reason]),
      [['login', reason]],
      what,
    );
    // The page can be used again.
    if (clientId !== 'lab-ci') continue;
    const again = await browser.submit(final, { client_id: clientId, client_key: key });
    t.is(again.hops[0]?.status, 303, what);
  }
});

test('an agent gets 403, and a client after too many failures 429, as a page', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'agent-1', role: 'agent' });
  const { client_key: agentKey } = await makeClientKey(server.deps, 'agent-1');
  const browser = new Browser();
  const agent = await signInLocally(browser, { url: server.url, clientId: 'agent-1', key: agentKey });
  t.is(agent.final.status, 403);
  t.regex(agent.final.text, /<p>Agents cannot sign in here<\/p>/);
  t.is(idOf(browser, server), undefined);
  t.is(await server.deps.collections.sessions.countDocuments(), 0);
  t.like(listRefusals(server).at(-1), { event: 'sign_in', reason: 'role agent' });

  await addClient(server, { client_id: 'lab-ci' }, 'the right secret of lab-ci');
  for (let failures = 0; failures < 100; failures += 1) {
    // The failures of the token route count for the form.
    const headers = { 'client-key': 'a wrong secret of lab-ci' };
    t.is((await server.request('/v1/authenticate/token/lab-ci', { headers })).status, 401);
  }
  const key = 'the right secret of lab-ci';
  const { final } = await signInLocally(browser, { url: server.url, clientId: 'lab-ci', key });
  t.is(final.status, 429);
  t.regex(final.text, /<p role="alert" id="problem">Too many attempts<\/p>/);
  t.regex(String(final.headers['retry-after']), /^\d+$/);
  t.is(idOf(browser, server), undefined);
});

const modes: [localSignIn: string, withOidc: boolean, status: number][] = [
  ['auto', false, 200],
  ['auto', true, 404],
  ['on', true, 200],
  ['on', false, 200],
  ['off', false, 404],
  ['off', true, 404],
];
test('LOCAL_SIGN_IN decides where the form is', async (t) => {
  for (const [mode, withOidc, status] of modes) {
    const what = `${mode}, ${withOidc ? 'with' : 'without'} OIDC`;
    const server = await startServer(t, { settings: { LOCAL_SIGN_IN: mode, ...(withOidc && oidc) } });
    t.is((await server.request('/auth/local')).status, status, what);
    t.is((await server.request('/auth/local', { method: 'POST' })).status === 404, status === 404, what);
    // Without any sign-in there are no sessions.
    const session = mode === 'off' && !withOidc ? 404 : 401;
    t.is((await server.request('/v1/session')).status, session, what);
    await server.stop();
  }
});

const targets: [next: string, to: string][] = [
  ['/jobs?state=waiting#top', '/lab/jobs?state=waiting#top'],
  ['/lab/jobs', '/lab/jobs'],
  ['//evil.example', '/lab/'],
  ['/\\evil.example', '/lab/'],
  ['/.//evil.example', '/lab/'],
  ['https://evil.example/', '/lab/'],
  ['jobs', '/lab/'],
  ['/jobs\r\nSet-Cookie: a=b', '/lab/'],
  ['', '/lab/'],
];
test('sign-in leads to a path of this server only, below its base path', async (t) => {
  const server = await startServer(t, { settings: { BASE_PATH: '/lab' } });
  await addClient(server, { client_id: 'lab-ci' });
  const { client_key: key } = await makeClientKey(server.deps, 'lab-ci');
  const url = `${server.url}/lab`;
  for (const [next, to] of targets) {
    const browser = new Browser();
    const { hops } = await signInLocally(browser, { url, clientId: 'lab-ci', key, next });
    t.deepEqual([hops[0]?.status, hops[0]?.location], [303, server.url + to], JSON.stringify(next));
    // The field of the form is checked, not only the query.
    const { final: page } = await browser.visit(`${url}/auth/local`);
    const again = await browser.submit(page, { client_id: 'lab-ci', client_key: key, next });
    t.is(again.hops[0]?.location, server.url + to, JSON.stringify(next));
  }
});

test('each sign-in replaces the session of the browser, and an id that the server did not issue is never adopted', async (t) => {
  const server = await startServer(t);
  const { browser, key, signIn } = await addSignedIn(server, { client_id: 'lab-ci' });
  const first = idOf(browser, server);
  const elsewhere = await signIn();
  const copy = new Browser();
  copy.cookies.set(server.url, { ...browser.cookies.find(server.url, sessionCookie)! });
  await signIn(browser);
  t.not(idOf(browser, server), first);
  t.deepEqual(await statusesOf(server, [browser, copy, elsewhere]), [200, 401, 200]);
  t.is(await server.deps.collections.sessions.countDocuments(), 2);

  const planted = 'A'.repeat(43);
  const victim = new Browser();
  victim.cookies.set(server.url, { ...browser.cookies.find(server.url, sessionCookie)!, value: planted });
  t.is((await sessionOf(server, victim)).status, 401);
  const { hops } = await signInLocally(victim, { url: server.url, clientId: 'lab-ci', key });
  t.is(hops[0]?.status, 303);
  t.regex(idOf(victim, server) ?? '', /^[\w-]{43}$/);
  t.not(idOf(victim, server), planted);
  const headers = { cookie: `${sessionCookie}=${planted}` };
  t.is((await server.request('/v1/session', { headers })).status, 401);
});

test('a session ends with the key or the secret that signed in, with its client, and when the client is disabled', async (t) => {
  const server = await startServer(t);
  const { collections } = server.deps;
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const put = async (id: string, body: object) => {
    const headers = { ...admin, 'content-type': 'application/json' };
    const init = { method: 'PUT', headers, body: JSON.stringify(body) };
    t.is((await server.request(`/v1/client-permissions/${id}`, init)).status, 200);
  };
  const byKey = await addSignedIn(server, { client_id: 'by-key' });
  const { client_key: second } = await makeClientKey(server.deps, 'by-key');
  const bySecondKey = new Browser();
  await signInLocally(bySecondKey, { url: server.url, clientId: 'by-key', key: second });
  const path = `/v1/client-permissions/by-key/keys/${byKey.key.slice(4, 16)}`;
  t.is((await server.request(path, { method: 'DELETE', headers: admin })).status, 204);
  t.deepEqual(await statusesOf(server, [byKey.browser, bySecondKey]), [401, 200]);
  await collections.clientKeys.updateOne(
    { key_id: second.slice(4, 16) },
    { $set: { expires_at: new Date(Date.now() - 1000) } },
  );
  t.is((await sessionOf(server, bySecondKey)).status, 401, 'the key has expired');

  await addClient(server, { client_id: 'by-secret' }, 'the first secret of by-secret');
  const bySecret = new Browser();
  const secret = { url: server.url, clientId: 'by-secret', key: 'the first secret of by-secret' };
  await signInLocally(bySecret, secret);
  await put('by-secret', { max_priority: { q1: 5 } });
  t.is((await sessionOf(server, bySecret)).status, 200, 'another change ends nothing');
  await put('by-secret', { client_secret: 'the second secret of by-secret' });
  t.is((await sessionOf(server, bySecret)).status, 401);

  const disabled = await addSignedIn(server, { client_id: 'disabled' });
  await put('disabled', { disabled: true });
  t.is((await sessionOf(server, disabled.browser)).status, 401);
  await put('disabled', { disabled: false });

  const changed = await addSignedIn(server, { client_id: 'changed' });
  await put('changed', { role: 'manager' });
  t.like(await (await sessionOf(server, changed.browser)).json(), { role: 'manager' });
  await put('changed', { role: 'agent' });
  t.is((await sessionOf(server, changed.browser)).status, 401, 'agents have no pages');

  const removed = await addSignedIn(server, { client_id: 'removed' });
  const gone = '/v1/client-permissions/removed';
  t.is((await server.request(gone, { method: 'DELETE', headers: admin })).status, 200);
  t.is(await collections.sessions.countDocuments({ client_id: 'removed' }), 0);
  await addClient(server, { client_id: 'removed' });
  t.is((await sessionOf(server, removed.browser)).status, 401, 'a later client of the id gets nothing');
});

test('a client lists and ends its own sessions, and only an admin those of others', async (t) => {
  const server = await startServer(t);
  const { browser, signIn } = await addSignedIn(server, { client_id: 'lab-ci' });
  const second = await signIn();
  const other = await addSignedIn(server, { client_id: 'other' });
  const boss = await addSignedIn(server, { client_id: 'boss', role: 'admin' });
  const own = await server.request('/v1/sessions', { headers: cookieOf(browser, server.url) });
  t.is(own.headers.get('cache-control'), 'no-store');
  const listed = (await own.json()) as (ListedSession & Record<string, unknown>)[];
  t.deepEqual(
    listed.map(({ current }) => current),
    [false, true],
    'the newest first',
  );
  t.deepEqual(Object.keys(listed[0] ?? {}).sort(), [
    'created_at',
    'current',
    'handle',
    'last_seen_at',
    'source',
    'user_agent',
  ]);
  const stranger = cookieOf(other.browser, server.url);
  for (const query of ['?client_id=lab-ci', '?all=true']) {
    const refused = await server.request(`/v1/sessions${query}`, { headers: stranger });
    t.deepEqual(
      [refused.status, await messageOf(refused)],
      [403, 'Only admins may see the sessions of others'],
    );
    const manager = bearer(server, { client_id: 'manager', role: 'manager' });
    t.is((await server.request(`/v1/sessions${query}`, { headers: manager })).status, 403);
  }
  const asBoss = cookieOf(boss.browser, server.url);
  const ofClient = await listSessions(server, asBoss, '?client_id=lab-ci');
  t.deepEqual(
    ofClient.map(({ handle }) => handle),
    listed.map(({ handle }) => handle),
  );
  const all = await listSessions(server, asBoss, '?all=true');
  t.deepEqual(
    all.map(({ client_id, current }) => [client_id, current]),
    [
      ['boss', true],
      ['other', false],
      ['lab-ci', false],
      ['lab-ci', false],
    ],
  );
  // An access token states the role that its client had.
  const demoted = bearer(server, { client_id: 'boss', role: 'admin' });
  t.is((await server.request('/v1/sessions?all=true', { headers: demoted })).status, 200);
  await server.deps.collections.clients.updateOne({ client_id: 'boss' }, { $set: { role: 'manager' } });
  t.is((await server.request('/v1/sessions?all=true', { headers: demoted })).status, 403);
  await server.deps.collections.clients.updateOne({ client_id: 'boss' }, { $set: { role: 'admin' } });
  t.is((await server.request('/v1/sessions')).status, 401, 'an anonymous caller has no sessions');

  const [ofSecond, ofFirst] = listed.map(({ handle }) => ({
    method: 'DELETE',
    path: `/v1/sessions/${handle}`,
  }));
  t.is(await send(server, other.browser, ofSecond!), 404);
  t.is(await send(server, browser, { method: 'DELETE', path: '/v1/sessions/nothing' }), 404);
  t.deepEqual(await statusesOf(server, [browser, second]), [200, 200]);
  t.is(await send(server, browser, ofSecond!), 204);
  t.deepEqual(await statusesOf(server, [browser, second]), [200, 401]);
  t.is(await send(server, boss.browser, ofFirst!), 204);
  t.is((await sessionOf(server, browser)).status, 401);
  const ended = server.logged.filter(({ event }) => event === 'session_ended');
  t.deepEqual(
    ended.map(({ actor, target }) => [actor, target]),
    [
      ['lab-ci', 'lab-ci'],
      ['boss', 'lab-ci'],
    ],
  );

  const third = [await signIn(), await signIn(), await signIn()] as const;
  t.is(await send(server, third[1], { method: 'DELETE', path: '/v1/sessions' }), 204);
  t.deepEqual(await statusesOf(server, third), [401, 200, 401]);
  t.is((await sessionOf(server, other.browser)).status, 200);
  // An access token has no session that could be kept.
  const token = bearer(server, { client_id: 'lab-ci' });
  t.is((await server.request('/v1/sessions', { method: 'DELETE', headers: token })).status, 204);
  t.is((await sessionOf(server, third[1])).status, 401);
});

test('sessions past a time limit are not listed', async (t) => {
  const server = await startServer(t);
  const { browser, signIn } = await addSignedIn(server, { client_id: 'lab-ci' });
  await signIn();
  await signIn();
  const { sessions } = server.deps.collections;
  const [first, second] = await sessions.find().sort({ created_at: 1 }).skip(1).toArray();
  const past = new Date(Date.now() - 1000);
  await sessions.updateOne({ _id: first?._id ?? '' }, { $set: { idle_expires_at: past } });
  await sessions.updateOne({ _id: second?._id ?? '' }, { $set: { expires_at: past } });
  const headers = cookieOf(browser, server.url);
  t.is((await listSessions(server, headers)).length, 1);
  await sessions.updateOne({ _id: first?._id ?? '' }, { $unset: { idle_expires_at: '' } });
  t.is((await listSessions(server, headers)).length, 2, 'a session without this limit');
});
