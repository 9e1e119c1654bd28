import test, { type ExecutionContext } from 'ava';
import { Browser, type Hop } from '../support/oidc/browser.js';
import { faults, oauthError } from '../support/oidc/faults.js';
import { spoiltIdTokenKinds } from '../support/oidc/spoilt-id-tokens.js';
import { checkOneRefusal } from '../support/refusals.js';
import { share } from '../support/share-server.js';
import { type SignInWorld, startSignInWorld } from '../support/sign-in-world.js';
import type { TestServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';

/** Milliseconds that the clock of both servers has passed. */
let passed = 0;
const clock = clockOf(() => new Date(Date.now() + passed));

const shared = share(test, async (owner): Promise<SignInWorld & { another: TestServer }> => {
  const world = await startSignInWorld(owner, { clock });
  return { ...world, another: await world.startAnother() };
});

test.serial.afterEach.always(() => {
  passed = 0;
  const { issuer } = shared();
  issuer.spoil.clear();
  issuer.people.refuses = false;
});

/** Signs in up to the redirect that leads back. */
const begin = () => shared().signIn(undefined, { stopBeforeCallback: true });
type Begun = Awaited<ReturnType<typeof begin>>;

/** Opens one URL, without its redirect. */
async function open(browser: Browser, url: string): Promise<Hop> {
  const { issuer } = shared();
  return (await browser.visit(url, { from: issuer.url, stopBefore: () => true })).final;
}

/** Returns a URL with other parameters; `undefined` removes one. */
function edit(url: string, changes: Record<string, string | undefined>): string {
  const edited = new URL(url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) edited.searchParams.delete(name);
    else edited.searchParams.set(name, value);
  }
  return edited.href;
}

/** Checks the one public answer of every failure, that it makes no session, and its one security event. @param signedIn sessions that `act` makes before */
async function checkFails(
  t: ExecutionContext,
  label: string,
  act: () => Promise<Hop>,
  signedIn = 0,
): Promise<string> {
  const { server, another } = shared();
  const { sessions } = server.deps.collections;
  const before = await sessions.countDocuments();
  const { result: hop, event } = await checkOneRefusal(t, [server, another], label, act);
  t.is(hop.status, 302, label);
  t.regex(hop.location ?? '', /^http:\/\/127\.0\.0\.1:\d+\/\?login=failed$/, label);
  t.is(hop.text, '', label);
  t.is(hop.headers['set-cookie'], undefined, label);
  t.is(hop.headers['cache-control'], 'no-store', label);
  t.is(await sessions.countDocuments(), before + signedIn, label);
  t.like(event, { event: 'sign_in', owasp: 'authn_login_fail:unknown' }, label);
  return String(event.reason);
}

const withUrl =
  (change: (url: string) => string) =>
  ({ browser, callbackUrl }: Begun) =>
    open(browser, change(callbackUrl));

/** The callbacks that are refused whatever the provider says, and what the security log says. */
const wrongCallbacks: Record<string, [reason: string, (begun: Begun) => Promise<Hop>]> = {
  'a second use': [
    'unknown or used state',
    async ({ browser, callbackUrl }) => {
      const first = await open(browser, callbackUrl);
      if (!String(first.headers['set-cookie']).includes('queuepass_session='))
        throw new Error('not signed in');
      return open(browser, callbackUrl);
    },
  ],
  'another browser': [
    'another browser',
    async ({ callbackUrl }) => open((await begin()).browser, callbackUrl),
  ],
  'no cookie': ['the browser sent no sign-in cookie', ({ callbackUrl }) => open(new Browser(), callbackUrl)],
  'another state': ['unknown or used state', withUrl((url) => edit(url, { state: 'x'.repeat(43) }))],
  'the state of another sign-in of another browser': [
    'another browser',
    async ({ browser, callbackUrl }) => {
      const { callbackUrl: other } = await begin();
      const state = new URL(other).searchParams.get('state') as string;
      return open(browser, edit(callbackUrl, { state }));
    },
  ],
  'a state that is an operator': [
    'unknown or used state',
    withUrl((url) => url.replace('state=', 'state[$ne]=')),
  ],
  'a state with NUL': ['unknown or used state', withUrl((url) => edit(url, { state: '\0' }))],
  'a state of 8 KiB': ['unknown or used state', withUrl((url) => edit(url, { state: 's'.repeat(8192) }))],
  'another state before the right one': [
    'unknown or used state',
    withUrl((url) => url.replace('?', '?state=x&')),
  ],
  'no parameter': ['unknown or used state', withUrl((url) => url.replace(/\?.*/, ''))],
  'another iss': [
    "the provider's response is not valid",
    withUrl((url) => edit(url, { iss: 'https://another.example' })),
  ],
  'no iss': ["the provider's response is not valid", withUrl((url) => edit(url, { iss: undefined }))],
  'no code': ['no code', withUrl((url) => edit(url, { code: undefined }))],
  'an empty code': ["the provider's response is not valid", withUrl((url) => edit(url, { code: '' }))],
  'an unknown code': [
    'the provider returned the error invalid_grant',
    withUrl((url) => edit(url, { code: 'x'.repeat(43) })),
  ],
  'an error with a code': [
    'the provider returned the error server_error',
    withUrl((url) => edit(url, { error: 'server_error' })),
  ],
  'the code of another sign-in, without its PKCE verifier': [
    'the provider returned the error invalid_grant',
    async ({ browser, callbackUrl }) => {
      const { callbackUrl: other } = await begin();
      return open(browser, edit(callbackUrl, { code: new URL(other).searchParams.get('code') as string }));
    },
  ],
  'ten minutes later': [
    'expired state',
    ({ browser, callbackUrl }) => {
      passed = 600_000;
      return open(browser, callbackUrl);
    },
  ],
};

for (const [label, [reason, act]] of Object.entries(wrongCallbacks)) {
  test.serial(`a callback with ${label} signs nobody in`, async (t) => {
    const begun = await begin();
    const said = await checkFails(t, label, () => act(begun), label === 'a second use' ? 1 : 0);
    t.true(said.startsWith(reason), said);
  });
}

test.serial('a person who refuses at the provider is not signed in', async (t) => {
  const { issuer, signIn } = shared();
  issuer.people.refuses = true;
  const said = await checkFails(t, 'access_denied', async () => {
    const { hops } = await signIn();
    return hops.at(-2) as Hop;
  });
  t.is(said, 'the provider returned the error access_denied');
});

test.serial(
  'a callback works on another process than the sign-in, once, however many arrive together',
  async (t) => {
    const { server, another } = shared();
    const { browser, callbackUrl } = await begin();
    const cookie = browser.cookies.header(new URL(server.url), { crossSite: true, method: 'GET' }) ?? '';
    const { pathname, search } = new URL(callbackUrl);
    const call = (one: TestServer) => one.request(pathname + search, { headers: { cookie } });
    const answers = await Promise.all([another, server, another, server].map(call));
    const locations = answers.map(({ headers }) => headers.get('location')).sort();
    t.deepEqual(locations, ['/', '/?login=failed', '/?login=failed', '/?login=failed']);
    const made = answers.find(({ headers }) => headers.get('location') === '/');
    const [session = ''] = made?.headers.getSetCookie() ?? [];
    for (const one of [server, another]) {
      const read = await one.request('/v1/session', { headers: { cookie: session.split(';')[0] as string } });
      t.is(read.status, 200);
    }
  },
);

test.serial('two tabs of one browser both sign in', async (t) => {
  const { server, signIn } = shared();
  const browser = new Browser();
  const { location: waiting } = await open(browser, `${server.url}/auth/login?next=/docs`);
  t.is((await signIn(browser)).final.url, `${server.url}/`);
  const { final } = await browser.visit(waiting as string, { from: server.url });
  t.is(final.url, `${server.url}/docs`);
});

test.serial('a callback without iss works if the provider does not announce it', async (t) => {
  const { issuer, startAnother } = shared();
  issuer.spoil.change('discovery', { authorization_response_iss_parameter_supported: undefined });
  const own = await startAnother();
  const { browser, callbackUrl } = await begin();
  const moved = edit(callbackUrl, { iss: undefined }).replace(shared().server.url, own.url);
  const cookie = browser.cookies.header(new URL(callbackUrl), { crossSite: true, method: 'GET' });
  const { pathname, search } = new URL(moved);
  const answer = await own.request(pathname + search, { headers: { cookie: cookie ?? '' } });
  t.is(answer.headers.get('location'), '/');
});

const { hang: _hang, ...quickFaults } = faults;
for (const endpoint of ['token', 'jwks'] as const) {
  test.serial(
    `no fault of the provider's endpoint ${endpoint} signs anybody in, or is another answer`,
    async (t) => {
      const { issuer, server, another } = shared();
      // A process that has not read the keys.
      const own = await shared().startAnother();
      for (const [name, fault] of Object.entries({
        ...quickFaults,
        oauth: oauthError('invalid_client', 401),
      })) {
        issuer.spoil.answer(endpoint, fault);
        const { browser, callbackUrl } = await begin();
        const cookie = browser.cookies.header(new URL(callbackUrl), { crossSite: true, method: 'GET' }) ?? '';
        const { pathname, search } = new URL(callbackUrl);
        const { result, event } = await checkOneRefusal(
          t,
          [own, server, another],
          `${endpoint} ${name}`,
          () => own.request(pathname + search, { headers: { cookie } }),
        );
        t.is(result.headers.get('location'), '/?login=failed', name);
        t.deepEqual(result.headers.getSetCookie(), [], name);
        t.false(/x{8}|<|eyJ/.test(String(event.reason)), String(event.reason));
      }
    },
  );
}

/** OpenID Connect Core leaves it to the client how old a token may be; its end is checked. */
const accepted = ['iat a day ago'];

test.serial('no spoilt ID token signs anybody in', async (t) => {
  const { issuer, signIn, server } = shared();
  for (const kind of spoiltIdTokenKinds) {
    issuer.spoil.idToken = kind;
    const attempt = async () => {
      const { hops } = await signIn();
      return hops.at(-2) as Hop;
    };
    if (accepted.includes(kind)) {
      t.is((await attempt()).location, `${server.url}/`, kind);
      continue;
    }
    const reason = await checkFails(t, kind, attempt);
    t.regex(reason, /^(ID token: |the provider's response is not valid)/, kind);
  }
  issuer.spoil.clear();
  t.is((await signIn()).final.url, `${server.url}/`, 'a valid one does');
});

test('a provider that hangs is given up after 5 s, with the same answer', async (t) => {
  const { issuer, server, signIn } = await startSignInWorld(t);
  issuer.spoil.answer('token', faults.hang);
  const started = performance.now();
  const { result, event } = await checkOneRefusal(t, [server], 'hang', () => signIn());
  t.true(performance.now() - started < 9000);
  t.is(result.final.url, `${server.url}/?login=failed`);
  t.is(event.reason, 'the provider did not respond in time');
});
