import { createHash } from 'node:crypto';
import test from 'ava';
import { addClient } from '../support/clients.js';
import type { Browser } from '../support/oidc/browser.js';
import { oauthError } from '../support/oidc/faults.js';
import { rawRequest } from '../support/raw-request.js';
import { signInLocally } from '../support/sessions.js';
import { share } from '../support/share-server.js';
import { cookieOf, type SignInWorld, startSignInWorld } from '../support/sign-in-world.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';

/** Milliseconds that the clock of the servers has passed. */
let passed = 0;
const clock = clockOf(() => new Date(Date.now() + passed));
const settings = {
  OIDC_SCOPES: 'openid profile email read_api',
  OIDC_API_PATHS: '/api/v4/user, /api/v4/projects/,/api/v4/slow',
  LOCAL_SIGN_IN: 'on',
};

interface Shared extends SignInWorld {
  another: TestServer;
  /** Of the person who is signed in. */
  cookie: string;
  browser: Browser;
}

const shared = share(test, async (owner): Promise<Shared> => {
  const world = await startSignInWorld(owner, { settings, clock });
  const another = await world.startAnother();
  const { browser } = await world.signIn();
  return { ...world, another, browser, ...cookieOf(browser, world.server.url) };
});

test.serial.afterEach.always(() => {
  passed = 0;
  shared().issuer.spoil.clear();
});

const get = (path: string, cookie = shared().cookie, server = shared().server) =>
  server.request(path, { headers: { cookie } });

/** Signs in anew, since a test ends the tokens. */
async function signInAgain(): Promise<string> {
  const { signIn, server } = shared();
  return cookieOf((await signIn()).browser, server.url).cookie;
}

const apiCalls = () => shared().issuer.requests.filter(({ path }) => path.startsWith('/api/v4/'));
const refreshes = () =>
  shared().issuer.requests.filter(({ form }) => form?.grant_type === 'refresh_token').length;

test.serial('userinfo is what the provider says of the person, never cached', async (t) => {
  const { issuer, server } = shared();
  const answer = await get('/auth/userinfo');
  t.is(answer.status, 200);
  t.is(answer.headers.get('cache-control'), 'no-store');
  t.is(answer.headers.get('x-content-type-options'), 'nosniff');
  t.like(await answer.json(), { sub: issuer.person.sub, email: issuer.person.email as string });
  const without = await server.request('/auth/userinfo');
  t.is(without.status, 401);
  t.like(await without.json(), { message: 'Not signed in' });
  for (const fault of [
    { status: 500 },
    { status: 200, type: 'text/html', body: 'x' },
    { kind: 'cut' as const },
  ]) {
    issuer.spoil.answer('userinfo', fault);
    const failed = await get('/auth/userinfo');
    t.is(failed.status, 502);
    t.like(await failed.json(), { message: 'Failed to retrieve user information from OIDC provider' });
  }
});

test.serial(
  "an allowed path is the provider's own, with the session's token and the query, and no cookie",
  async (t) => {
    const { issuer } = shared();
    const user = await get('/auth/api/api/v4/user');
    t.is(user.status, 200);
    t.is(user.headers.get('content-type'), 'application/json');
    t.is(user.headers.get('cache-control'), 'no-store');
    t.is(user.headers.get('content-security-policy'), 'sandbox');
    t.is(user.headers.get('x-content-type-options'), 'nosniff');
    t.deepEqual(user.headers.getSetCookie(), []);
    t.like(await user.json(), { id: Number(issuer.person.sub), state: 'active' });
    const below = await get('/auth/api/api/v4/projects/7/jobs?page=2&q=%2e%2e%2f&x=https://h.example/@');
    t.deepEqual(await below.json(), {
      path: '/api/v4/projects/7/jobs',
      query: { page: '2', q: '../', x: 'https://h.example/@' },
    });
    const [call] = apiCalls();
    t.regex(call?.authorization ?? '', /^Bearer .{20,}/);
    for (const { cookie, headers } of apiCalls()) {
      t.is(cookie, undefined);
      t.is(headers['x-forwarded-for'], undefined);
    }
    t.is((await get('/auth/api/api/v4/projects')).status, 200, 'the entry itself');
  },
);

/** The paths that must not reach the provider, as they are sent. */
const wrongPaths = [
  '/api/v4/users',
  '/api/v4/usersx/1',
  '/api/v4',
  '/api/v4/',
  '/API/v4/user',
  '',
  '/',
  '/api/v4/projects/../user/x',
  '/api/v4/projects/..',
  '/api/v4/projects/%2e%2e/x',
  '/api/v4/projects/%252e%252e/x',
  '/api/v4/projects/%25252e%25252e/x',
  '/api/v4/projects/.%2e/x',
  '/api/v4/projects/..;/x',
  '/api/v4/projects/%c0%ae%c0%ae/x',
  '/api/v4/projects/./x',
  '/api/v4/projects/%2e/x',
  '/api/v4/projects\\..\\x',
  '/api/v4/projects/%5cx',
  '/api/v4/projects/%255cx',
  '/api/v4/projects//x',
  '/api/v4/projects/%2fx',
  '/api/v4/projects/%252fx',
  '//api/v4/user',
  '///another.example/api/v4/user',
  '/\\another.example/api/v4/user',
  '/@another.example/api/v4/user',
  '/api/v4/projects/@another.example',
  '/api/v4/projects/%40another.example',
  '/api/v4/projects/%2540another.example',
  '/api/v4/projects/%',
  '/api/v4/projects/%zz',
  '/api/v4/%70rojects/..%2f..%2fx',
  '/http://another.example/api/v4/user',
  '/another.example/api/v4/user?/auth/api/api/v4/user',
  '.another.example/api/v4/user',
  '@another.example/api/v4/user',
  ':80/api/v4/user',
  '/api/v4/user%00/../x',
  '/api%2fv4%2fuser/../x',
];

test.serial('every other path is unknown and reaches nothing, however it is spelt', async (t) => {
  const { server, cookie } = shared();
  const before = apiCalls().length;
  for (const path of wrongPaths) {
    const lines = [
      `GET /auth/api${path} HTTP/1.1`,
      'Host: localhost',
      `Cookie: ${cookie}`,
      'Connection: close',
    ];
    const { status, body } = await rawRequest(server, lines);
    t.is(status, 404, `${path}: ${body}`);
    t.notRegex(body, /\n\s+at /);
  }
  t.is(apiCalls().length, before);
});

test.serial('a session without a provider gets 404, and none at all 401', async (t) => {
  const { server } = shared();
  const secret = 'a client secret of good length';
  await addClient(server, { client_id: 'ci' }, secret);
  const { cookie } = await signInLocally(server, 'ci', secret);
  t.is((await get('/auth/api/api/v4/user', cookie)).status, 404);
  t.is((await get('/auth/userinfo', cookie)).status, 401);
  t.is((await server.request('/auth/api/api/v4/user')).status, 401);
});

test.serial('only JSON of at most 4 MiB passes', async (t) => {
  const { startAnother, cookie } = shared();
  const own = await startAnother({ settings: { OIDC_API_PATHS: '/api/v4' } });
  const call = (path: string) => get(`/auth/api/api/v4/${path}`, cookie, own);
  const limit = 4 * 2 ** 20;
  const fits = await call(`size/${limit}`);
  t.is(fits.status, 200);
  t.is((await fits.text()).length, limit);
  const refused = [
    'page',
    'text/3',
    `size/${limit + 1}`,
    `chunked/${limit + 1}`,
    'status/204',
    'redirect',
    'cut',
  ];
  for (const path of refused) {
    const answer = await call(path);
    t.is(answer.status, 502, path);
    t.is(answer.headers.get('location'), null);
    t.deepEqual(answer.headers.getSetCookie(), []);
    t.notRegex(await answer.text(), /from the provider|xxx|\n\s+at /, path);
  }
  for (const status of [400, 404, 418, 500]) {
    const answer = await call(`status/${status}`);
    t.is(answer.status, status);
    t.deepEqual(await answer.json(), { message: `status ${status}` });
    t.is(answer.headers.get('content-security-policy'), 'sandbox');
  }
});

test.serial('a path that takes more than 5 s gets 504', async (t) => {
  const started = performance.now();
  const answer = await get('/auth/api/api/v4/slow');
  t.is(answer.status, 504);
  t.true(performance.now() - started < 8000);
});

test.serial('an expired token is refreshed once, however many processes and requests need it', async (t) => {
  const { server, another, issuer } = shared();
  const cookie = await signInAgain();
  const before = refreshes();
  passed = 7200_000 - 1000;
  issuer.spoil.answer('token', { delayMs: 300 });
  const calls = [server, another, server, another, server, another];
  const answers = await Promise.all(
    calls.map((one, n) => get(n % 3 ? '/auth/api/api/v4/user' : '/auth/userinfo', cookie, one)),
  );
  t.deepEqual(
    answers.map(({ status }) => status),
    calls.map(() => 200),
  );
  t.is(refreshes() - before, 1);
  t.is((await get('/auth/userinfo', cookie)).status, 200);
  t.is(refreshes() - before, 1);
});

test.serial(
  'a token that the API refuses is refreshed once, and a sign-in that the provider ended is over',
  async (t) => {
    const { issuer, server } = shared();
    const cookie = await signInAgain();
    const id = cookie
      .slice(cookie.indexOf('queuepass_session=') + 'queuepass_session='.length, 200)
      .split(';')[0] as string;
    const _id = createHash('sha256').update(id).digest('base64url');
    const access = server.deps.webSealer.seal('a token that the provider never made', id);
    const before = refreshes();
    const spoilt = await server.deps.collections.sessions.updateOne(
      { _id },
      { $set: { 'tokens.access': access } },
    );
    t.is(spoilt.modifiedCount, 1);
    t.is((await get('/auth/api/api/v4/user', cookie)).status, 200);
    t.is(refreshes() - before, 1);

    const [, token] = /Bearer (.+)/.exec(apiCalls().at(-1)?.authorization ?? '') ?? [];
    const client = `lab:${encodeURIComponent(issuer.clientSecret)}`;
    const revoked = await fetch(`${issuer.url}/oauth/revoke`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(client).toString('base64')}` },
      body: new URLSearchParams({ token: token as string }),
    });
    t.is(revoked.status, 200);
    const ended = await get('/auth/api/api/v4/user', cookie);
    t.is(ended.status, 401);
    t.like(await ended.json(), { message: 'Sign in again' });
    t.is((await server.deps.collections.sessions.findOne({ _id }))?.tokens, undefined);
  },
);

test.serial(
  'a refresh that the provider refuses ends the tokens, and the person is asked to sign in again',
  async (t) => {
    const { issuer, server } = shared();
    const cookie = await signInAgain();
    const handle = (
      (await (await get('/v1/sessions', cookie)).json()) as { handle: string; current: boolean }[]
    ).find(({ current }) => current)?.handle as string;
    const find = () => server.deps.collections.sessions.findOne({ handle });
    t.truthy((await find())?.tokens);
    passed = 7190_000;
    issuer.spoil.answer('token', { status: 503 });
    const failed = await get('/auth/userinfo', cookie);
    t.is(failed.status, 502, 'a fault of the provider refuses nothing');
    t.truthy((await find())?.tokens);
    t.is((await get('/auth/api/api/v4/user', cookie)).status, 502);
    issuer.spoil.answer('token', oauthError('invalid_grant'));
    for (const path of ['/auth/userinfo', '/auth/api/api/v4/user']) {
      const answer = await get(path, cookie);
      t.is(answer.status, 401, path);
      t.like(await answer.json(), { message: 'Sign in again' });
    }
    t.is((await find())?.tokens, undefined);
    t.is((await get('/v1/session', cookie)).status, 200, 'the session itself goes on');
  },
);

test.serial(
  'no token of the provider is in the browser, an answer, the log or, in clear, the database, also after a refresh',
  async (t) => {
    const { issuer, server, browser, another } = shared();
    const { db } = server.deps.connection;
    const stored: string[] = [];
    for (const { name } of await db.listCollections().toArray())
      stored.push(JSON.stringify(await db.collection(name).find().toArray()));
    t.true(refreshes() > 0);
    const places = [stored.join('\n'), browser.seen(server.url), server.logText(), another.logText()];
    for (const secret of issuer.issued) {
      for (const [n, place] of places.entries()) {
        // The callback's URL, which the browser opened, has the code; its answers have not.
        t.false(place.includes(secret), `${n}`);
      }
    }
  },
);

test('while OIDC is off, the routes of the provider are unknown', async (t) => {
  const server = await startServer(t);
  const secret = 'a client secret of good length';
  await addClient(server, { client_id: 'ci' }, secret);
  const { cookie } = await signInLocally(server, 'ci', secret);
  for (const path of ['/auth/userinfo', '/auth/api/api/v4/user']) {
    const answer = await server.request(path, { headers: { cookie } });
    t.is(answer.status, 404);
    t.is(await answer.text(), `Not found: ${path}`);
  }
});
