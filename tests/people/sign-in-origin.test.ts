import { createHash } from 'node:crypto';
import test from 'ava';
import { addClient } from '../support/clients.js';
import { Browser } from '../support/oidc/browser.js';
import { rawRequest } from '../support/raw-request.js';
import { checkOneRefusal } from '../support/refusals.js';
import { signInLocally } from '../support/sessions.js';
import { share } from '../support/share-server.js';
import { cookieOf, listRefusals, startSignInWorld } from '../support/sign-in-world.js';

const secret = 'a client secret of good length';

const shared = share(test, async (owner) => {
  const world = await startSignInWorld(owner, { settings: { LOCAL_SIGN_IN: 'on' } });
  await addClient(world.server, { client_id: 'ci' }, secret);
  return world;
});

/** The values of `next`, and the page that each leads to. */
const nexts: [next: string, leadsTo: string][] = [
  ['/jobs?state=x&a=%2F#top', '/jobs?state=x&a=%2F#top'],
  ['/a b', '/a%20b'],
  ['/%2F/x', '/%2F/x'],
  ['/?next=https://another.example', '/?next=https://another.example'],
  ['/@another.example', '/@another.example'],
  ...[
    '',
    'jobs',
    '?a',
    '//another.example',
    '///another.example',
    '/\\another.example',
    '\\/another.example',
    '\\\\another.example',
    '/\t/another.example',
    '/\n/another.example',
    '\t//another.example',
    ' //another.example',
    '/.//another.example',
    '/..//another.example',
    '/./\\another.example',
    '/x/..//another.example',
    '/x/%2e%2e//another.example',
    '/%2e//another.example',
    'https://another.example',
    'https:another.example',
    'HTTP:/another.example',
    '://another.example',
    'javascript:alert(1)',
    'data:text/html,x',
    '@another.example',
    '/\u0000//another.example',
    '/a\r\nSet-Cookie: x=y',
    '/\u007f',
  ].map((next): [string, string] => [next, '/']),
];

test('no spelling of next leads to another site, whichever way a person signs in', async (t) => {
  const { server, signIn } = shared();
  for (const [next, leadsTo] of nexts) {
    const { posted } = await signInLocally(server, 'ci', secret, { next });
    t.is(posted?.status, 303, JSON.stringify(next));
    t.is(posted?.location, server.url + leadsTo, JSON.stringify(next));
  }
  for (const [next, leadsTo] of [nexts[0], nexts[5], nexts[8], nexts[17], nexts.at(-2)] as typeof nexts) {
    const { hops } = await signIn(undefined, { path: `/auth/login?next=${encodeURIComponent(next)}` });
    t.is(hops.find(({ url }) => url.includes('/auth/callback'))?.location, server.url + leadsTo);
  }
});

test('the field next of the form is checked again, not only that of the page', async (t) => {
  const { server } = shared();
  const browser = new Browser();
  const { final: page } = await browser.visit(`${server.url}/auth/local`);
  const fields = { client_id: 'ci', client_key: secret, next: '//another.example' };
  const { hops } = await browser.submit(page, fields);
  t.is(hops[0]?.location, `${server.url}/`);
});

test('the first of two values of next counts, and a map is no value', async (t) => {
  const { server, signIn } = shared();
  const twice = await signIn(undefined, { path: '/auth/login?next=/docs&next=//another.example' });
  t.is(twice.final.url, `${server.url}/docs`);
  const map = await signIn(undefined, { path: '/auth/login?next[$ne]=/docs&next[]=/docs' });
  t.is(map.final.url, `${server.url}/`);
});

const attributes = (line: string | undefined) => (line ?? '').split('; ').slice(1).sort();

test('the cookies are for this host alone, are hidden from scripts, and change at each sign-in', async (t) => {
  const { server, signIn } = shared();
  const login = await server.request('/auth/login');
  const [line] = login.headers.getSetCookie();
  t.regex(line ?? '', /^__Host-queuepass_login=[\w-]{43}; /);
  t.deepEqual(attributes(line), ['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure']);
  const { browser, hops } = await signIn();
  const made = hops.find(({ url }) => url.includes('/auth/callback'))?.headers['set-cookie'];
  const [session = '', ...others] = [made ?? []].flat();
  t.deepEqual(others, []);
  t.regex(session, /^__Host-queuepass_session=[\w-]{43}; /);
  t.deepEqual(attributes(session), ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
  const first = browser.cookies.find(server.url, '__Host-queuepass_session')?.value;
  await signIn(browser);
  t.not(browser.cookies.find(server.url, '__Host-queuepass_session')?.value, first);
});

test('an id that the server did not make is never adopted', async (t) => {
  const { server, signIn } = shared();
  const browser = new Browser();
  const value = 'A'.repeat(43);
  const cookie = { name: '__Host-queuepass_session', value, path: '/', secure: true, httpOnly: true };
  browser.cookies.set(server.url, { ...cookie, sameSite: 'lax' });
  await signIn(browser);
  t.not(browser.cookies.find(server.url, '__Host-queuepass_session')?.value, value);
  for (const odd of [value, '', 'x', '%00', '{"$ne":""}', 'a'.repeat(5000), `${value}; ${value}`]) {
    const headers = { cookie: `__Host-queuepass_session=${odd}` };
    t.is((await server.request('/v1/session', { headers })).status, 401, odd.slice(0, 50));
  }
});

test('with BASE_PATH the names, links and redirects have it, and the cookies of another base path do not count', async (t) => {
  const { server, issuer, signIn } = await startSignInWorld(t, { settings: { BASE_PATH: '/lab/q' } });
  const suffix = createHash('sha256').update('/lab/q').digest('hex').slice(0, 8);
  const { browser, final, callbackUrl } = await signIn(undefined, { path: '/auth/login?next=/docs' });
  t.true(callbackUrl.startsWith(`${server.url}/lab/q/auth/callback?`));
  t.is(final.url, `${server.url}/lab/q/docs`);
  const names = browser.cookies.of(server.url).map(({ name, path }) => `${name} ${path}`);
  t.deepEqual(names.sort(), [`__Host-queuepass_login_${suffix} /`, `__Host-queuepass_session_${suffix} /`]);
  const { cookie } = cookieOf(browser, server.url);
  const status = async (sent: string) =>
    (await server.request('/lab/q/v1/session', { headers: { cookie: sent } })).status;
  t.is(await status(cookie), 200);
  t.is(await status(cookie.replaceAll(`_${suffix}`, '')), 401);
  const out = await server.request('/lab/q/auth/logout', { headers: { cookie } });
  t.is(out.headers.get('location'), '/lab/q/');
  await issuer.stop();
});

/** Asks for the provider as a client that reaches the server by another name does. */
async function askLogin(
  world: Awaited<ReturnType<typeof startSignInWorld>>,
  headers: string[],
  path = '/auth/login',
) {
  const answer = await rawRequest(world.server, [`GET ${path} HTTP/1.1`, ...headers, 'Connection: close']);
  const { location = '' } = answer.headers;
  const redirectUri = URL.canParse(location) ? new URL(location).searchParams.get('redirect_uri') : null;
  return { ...answer, redirectUri };
}

test('plain http from another machine is refused, by the Host header, with one event', async (t) => {
  const world = shared();
  for (const path of ['/auth/login', '/login', '/auth/local', '/auth/once']) {
    for (const host of [
      'lab.example',
      '192.0.2.7:5000',
      'localhost.example',
      '127.0.0.1.example',
      '[2001:db8::1]',
    ]) {
      const { result } = await checkOneRefusal(t, [world.server], `${path} ${host}`, () =>
        askLogin(world, [`Host: ${host}`, 'X-Forwarded-Proto: https', 'X-Forwarded-Host: localhost'], path),
      );
      t.is(result.status, 400);
      t.true(result.body.includes('Sign-in needs https'));
      t.is(result.headers['set-cookie'], undefined);
    }
  }
  const before = listRefusals(world.server).length;
  for (const host of ['localhost:5000', '127.0.0.1', '127.9.9.9', '[::1]:80', 'x.localhost'])
    t.is(
      (await askLogin(world, [`Host: ${host}`])).redirectUri,
      `http://${host.replace(':80', '')}/auth/callback`,
    );
  t.is(listRefusals(world.server).length, before);
  for (const host of ['a b', 'user@localhost', 'localhost/x', 'localhost?x', 'local\\host', '[::1'])
    t.is((await askLogin(world, [`Host: ${host}`])).status, 400, host);
});

test('PUBLIC_URL decides, whatever the request names', async (t) => {
  const settings = { PUBLIC_URL: 'http://lab.example' };
  const plain = await startSignInWorld(t, { settings });
  t.is((await askLogin(plain, ['Host: localhost'])).status, 400);
  const secure = await startSignInWorld(t, {
    settings: { PUBLIC_URL: 'https://lab.example/pool/', OIDC_REDIRECT_PATH: '/auth' },
  });
  const answer = await askLogin(secure, ['Host: another.example', 'X-Forwarded-Host: third.example']);
  t.is(answer.redirectUri, 'https://lab.example/pool/auth');
  t.regex(answer.headers['set-cookie'] ?? '', /; Secure/);
});

test('a trusted proxy names the host and the protocol: the last value counts', async (t) => {
  const world = await startSignInWorld(t, { settings: { TRUST_PROXY: '1' } });
  const ask = (...headers: string[]) => askLogin(world, ['Host: inner', ...headers]);
  const https = 'X-Forwarded-Proto: https';
  t.is((await ask(https, 'X-Forwarded-Host: lab.example')).redirectUri, 'https://lab.example/auth/callback');
  t.is(
    (await ask(https, 'X-Forwarded-Host: bad.example, lab.example')).redirectUri,
    'https://lab.example/auth/callback',
  );
  t.is((await ask(https)).redirectUri, 'https://inner/auth/callback');
  t.is((await ask('X-Forwarded-Host: lab.example')).status, 400);
  t.is((await ask('X-Forwarded-Proto: https, http', 'X-Forwarded-Host: lab.example')).status, 400);
  for (const host of ['lab.example/x', 'user@lab.example', 'lab example', '%'])
    t.is((await ask(https, `X-Forwarded-Host: ${host}`)).status, 400, host);
});

test('INSECURE_COOKIES=true allows plain http, with other names and without Secure', async (t) => {
  const world = await startSignInWorld(t, {
    settings: { INSECURE_COOKIES: 'true', ENABLE_PROXYFIX: 'true' },
  });
  const { headers, redirectUri } = await askLogin(world, ['Host: lab.example']);
  t.is(redirectUri, 'http://lab.example/auth/callback');
  t.regex(
    headers['set-cookie'] ?? '',
    /^queuepass_login=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
  );
  const { browser } = await world.signIn();
  t.truthy(browser.cookies.find(world.server.url, 'queuepass_session'));
  t.is(browser.cookies.find(world.server.url, '__Host-queuepass_session'), undefined);
});

test('the redirect URI of the attempt is that of the exchange, on whichever host the callback arrives', async (t) => {
  const { server, issuer, startAnother, signIn } = shared();
  const another = await startAnother();
  const { browser, callbackUrl } = await signIn(undefined, { stopBeforeCallback: true });
  const { pathname, search } = new URL(callbackUrl);
  await another.request(pathname + search, { headers: cookieOf(browser, server.url) });
  const exchange = issuer.requests.findLast(({ endpoint }) => endpoint === 'token');
  t.is(exchange?.form?.redirect_uri, `${server.url}/auth/callback`);
  t.regex(String(exchange?.form?.code_verifier), /^[\w-]{43}$/);
});

test('one address begins 100 sign-ins a minute at most; each refusal is an event', async (t) => {
  const { server } = await startSignInWorld(t);
  for (let n = 0; n < 10; n += 1)
    await Promise.all(Array.from({ length: 10 }, () => server.request('/auth/login')));
  const { result, event } = await checkOneRefusal(t, [server], 'limit', () => server.request('/auth/login'));
  t.is(result.status, 429);
  t.regex(result.headers.get('retry-after') ?? '', /^\d+$/);
  t.like(event, { event: 'sign_in', owasp: 'authn_login_fail:unknown' });
  t.is(await server.deps.collections.loginAttempts.countDocuments(), 100);
});
