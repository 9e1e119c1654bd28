import test from 'ava';
import { faults } from '../support/oidc/faults.js';
import { checkOneRefusal } from '../support/refusals.js';
import { cookieOf, listRefusals, startSignInWorld } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';

for (const isPublic of [false, true]) {
  test(`a person signs in at the provider, whose client here is ${isPublic ? 'public' : 'confidential'}`, async (t) => {
    const { issuer, server, signIn } = await startSignInWorld(t, { isPublic });
    const { browser, hops, final } = await signIn(undefined, { path: '/auth/login?next=/%3Fa=b' });
    const [begin] = hops;
    const sent = new URL(begin?.location ?? '').searchParams;
    t.is(begin?.status, 302);
    t.is(sent.get('response_type'), 'code');
    t.is(sent.get('scope'), 'openid profile email');
    t.is(sent.get('redirect_uri'), `${server.url}/auth/callback`);
    t.is(sent.get('code_challenge_method'), 'S256');
    for (const name of ['state', 'nonce', 'code_challenge']) t.regex(sent.get(name) ?? '', /^[\w-]{43}$/);
    t.is(final.url, `${server.url}/?a=b`);
    t.is(final.status, 200);

    const session = await server.request('/v1/session', { headers: cookieOf(browser, server.url) });
    const answer = (await session.json()) as Record<string, string>;
    t.is(session.status, 200);
    t.is(answer.client_id, issuer.person.email);
    t.is(answer.name, issuer.person.name);
    t.is(answer.role, 'contributor');

    const record = await server.deps.collections.clients.findOne({
      client_id: issuer.person.email as string,
    });
    const { _id, created_at, last_login, ...fields } = record ?? ({} as never);
    t.deepEqual(fields as object, {
      client_id: issuer.person.email,
      sub: issuer.person.sub,
      iss: issuer.url,
      name: issuer.person.name,
      email: issuer.person.email,
      role: 'contributor',
    });
    t.deepEqual(created_at, last_login);
    t.deepEqual(listRefusals(server), []);
  });
}

test('name and e-mail can come from userinfo alone, whose sub must be that of the ID token', async (t) => {
  const { issuer, server, signIn } = await startSignInWorld(t, { issuer: { claimsInIdToken: false } });
  const failed = `${server.url}/?login=failed`;
  const { sub } = issuer.person;
  const wrong: Record<string, () => void> = {
    'another sub': () => issuer.spoil.change('userinfo', { sub: '9' }),
    'no sub': () => issuer.spoil.change('userinfo', { sub: undefined }),
    'a number as sub': () => issuer.spoil.change('userinfo', { sub: Number(sub) }),
    'a server error': () => issuer.spoil.answer('userinfo', faults.serverError),
    'no JSON': () => issuer.spoil.answer('userinfo', faults.text),
    'a cut connection': () => issuer.spoil.answer('userinfo', faults.cut),
    'a redirect': () => issuer.spoil.answer('userinfo', faults.redirect),
  };
  for (const [label, spoil] of Object.entries(wrong)) {
    spoil();
    const { result } = await checkOneRefusal(t, [server], label, () => signIn());
    t.is(result.final.url, failed, label);
    issuer.spoil.clear();
  }
  const { clients, sessions } = server.deps.collections;
  t.deepEqual([await clients.countDocuments({ sub }), await sessions.countDocuments()], [0, 0]);

  const { browser, final } = await signIn();

  t.is(final.url, `${server.url}/`);
  const { name, email } = issuer.person;
  t.like(await clients.findOne({ sub }), { sub, name, email, client_id: email });
  const session = await server.request('/v1/session', { headers: cookieOf(browser, server.url) });
  t.like(await session.json(), { name, email });
});

test('neither the database nor any answer holds a token, a code, a state or a session id in clear', async (t) => {
  const { issuer, server, signIn } = await startSignInWorld(t);
  const { browser, callbackUrl } = await signIn();
  await signIn(undefined, { stopBeforeCallback: true });
  const secrets = [
    ...issuer.issued,
    new URL(callbackUrl).searchParams.get('state') as string,
    ...browser.cookies.of(server.url).map(({ value }) => value),
  ];
  t.true(secrets.length > 4);
  const { db } = server.deps.connection;
  const stored: string[] = [];
  for (const { name } of await db.listCollections().toArray())
    stored.push(JSON.stringify(await db.collection(name).find().toArray()));
  t.true(stored.join().includes('login_attempts') || stored.length > 5);
  const seen = JSON.stringify(
    browser.hops.filter(({ url }) => url.startsWith(server.url)).map(({ text }) => text),
  );
  for (const secret of secrets) {
    t.false(stored.join('\n').includes(secret));
    t.false(seen.includes(secret));
    t.false(server.logText().includes(secret));
  }
});

test('while OIDC is off, its routes are unknown paths, as the stock CLI expects', async (t) => {
  const server = await startServer(t);
  const paths: [string, string][] = [
    ['GET', '/auth/login'],
    ['GET', '/auth/callback'],
    ['GET', '/login'],
    ['GET', '/auth'],
    ['POST', '/oidc/auth-init'],
    ['POST', '/oidc/auth-poll/x'],
  ];
  for (const [method, path] of paths) {
    const response = await server.request(path, { method });
    t.is(response.status, 404, path);
    t.is(await response.text(), `Not found: ${path}`);
  }
  t.is((await server.request('/v1/session')).status, 401);
  t.is((await server.request('/auth/local')).status, 200);
});
