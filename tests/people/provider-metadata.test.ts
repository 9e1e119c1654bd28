import test from 'ava';
import { faults } from '../support/oidc/faults.js';
import { startSignInWorld } from '../support/sign-in-world.js';
import { clockOf } from '../support/tokens.js';

test.serial(
  'new keys of the provider count within a minute, and its keys are read once a minute at most',
  async (t) => {
    const realNow = Date.now;
    t.teardown(() => (Date.now = realNow));
    // openid-client has no other clock. The provider is in this process, so its clock goes with it.
    const pass = (ms: number) => (Date.now = () => realNow() + ms);
    const clock = clockOf(() => new Date(Date.now()));
    const { issuer, signIn, server } = await startSignInWorld(t, { clock });
    const attempt = async () => (await signIn()).final.url;
    const [home, failed] = [`${server.url}/`, `${server.url}/?login=failed`];
    t.is(await attempt(), home);
    issuer.spoil.rotateKeys();
    for (let n = 0; n < 3; n += 1) t.is(await attempt(), failed);
    t.is(issuer.records.count('jwks'), 1);
    pass(61_000);
    t.is(await attempt(), home);
    t.is(await attempt(), home);
    t.is(issuer.records.count('jwks'), 2);
    issuer.spoil.idToken = 'unknown kid';
    for (let n = 0; n < 3; n += 1) t.is(await attempt(), failed);
    t.is(issuer.records.count('jwks'), 2);
    pass(123_000);
    for (let n = 0; n < 3; n += 1) t.is(await attempt(), failed);
    t.is(issuer.records.count('jwks'), 3);
  },
);

test('the server starts without the provider, and people can sign in as soon as it is there', async (t) => {
  const { issuer, signIn, server, startAnother } = await startSignInWorld(t);
  await issuer.stop();
  const another = await startAnother();
  for (const one of [server, another]) {
    const answer = await one.request('/auth/login?next=/docs');
    t.is(answer.status, 302);
    t.is(answer.headers.get('location'), '/?login=unavailable');
    t.deepEqual(answer.headers.getSetCookie(), []);
  }
  const { final } = await signIn();
  t.regex(final.text, /The sign-in is not available/);
  await issuer.start();
  t.is((await signIn()).final.url, `${server.url}/`);
  const begun = await another.request('/auth/login');
  t.true(begun.headers.get('location')?.startsWith(`${issuer.url}/oauth/authorize?`));
});

test('no fault of the metadata is another answer than that the sign-in is unavailable', async (t) => {
  const { issuer, signIn, server } = await startSignInWorld(t);
  const attempt = async () => (await signIn()).final.url;
  const unavailable = `${server.url}/?login=unavailable`;
  const { hang, ...quick } = faults;
  for (const [name, fault] of Object.entries(quick)) {
    issuer.spoil.answer('discovery', fault);
    t.is(await attempt(), unavailable, name);
  }
  issuer.spoil.answer('discovery', hang);
  const started = performance.now();
  t.is(await attempt(), unavailable);
  t.true(performance.now() - started < 8000);
  issuer.spoil.answer('discovery');
  issuer.spoil.change('discovery', { issuer: 'https://another.example' });
  t.is(await attempt(), unavailable);
  issuer.spoil.change('discovery', { issuer: `${issuer.url}//` });
  t.is(await attempt(), unavailable);
  issuer.spoil.change('discovery', { id_token_signing_alg_values_supported: 'RS256' });
  t.is(await attempt(), unavailable);
  issuer.spoil.clear();
  t.is(await attempt(), `${server.url}/`, 'the next sign-in asks again');
  t.deepEqual(
    server.logged.filter(({ level }) => level === 'error'),
    [],
  );
});

const wrongEndpoints: [field: string, value: unknown, end: string][] = [
  ['authorization_endpoint', undefined, '/?login=unavailable'],
  ['authorization_endpoint', 7, '/?login=unavailable'],
  ['authorization_endpoint', 'no URL', '/?login=unavailable'],
  ['token_endpoint', undefined, '/?login=failed'],
  ['token_endpoint', { $gt: '' }, '/?login=failed'],
  ['jwks_uri', undefined, '/?login=failed'],
  ['jwks_uri', 'http://127.0.0.1:1/keys', '/?login=failed'],
  ['id_token_signing_alg_values_supported', ['none', 'HS256'], '/?login=failed'],
];

test('metadata without an endpoint, or with a wrong one, sign nobody in', async (t) => {
  const { issuer, signIn, startAnother, server } = await startSignInWorld(t);
  for (const [field, value, end] of wrongEndpoints) {
    issuer.spoil.change('discovery', { [field]: value });
    const own = await startAnother();
    const { final } = await signIn(undefined, { at: own });
    t.is(final.url, own.url + end, `${field} ${String(value)}`);
    t.is(final.status, 200);
    await own.stop();
  }
  t.is(await server.deps.collections.sessions.countDocuments(), 0);
});

test('the issuer of the setting can have one slash more than that of the metadata, and less', async (t) => {
  const { issuer, signIn, startAnother, server } = await startSignInWorld(t);
  const own = await startAnother({ settings: { OIDC_PROVIDER_ISSUER: `${issuer.url}/` } });
  t.is((await signIn(undefined, { at: own })).final.url, `${own.url}/`);
  t.is((await signIn()).final.url, `${server.url}/`);
  t.is(await server.deps.collections.clients.countDocuments({ iss: issuer.url, sub: issuer.person.sub }), 1);
});
