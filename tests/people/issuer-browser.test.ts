import test from 'ava';
import * as client from 'openid-client';
import { Browser } from '../support/oidc/browser.js';
import { BrowserCookies } from '../support/oidc/browser-cookies.js';
import { discover, startRelyingParty } from '../support/oidc/relying-party.js';
import { signIn } from '../support/oidc/sign-in.js';
import { startIssuer } from '../support/oidc-issuer.js';

const sameSite = { crossSite: false, method: 'GET' };

/** Stores `Set-Cookie` lines of a response and returns the next `Cookie` header. */
function headerAfter(url: string, lines: string[], kind = sameSite): string | undefined {
  const cookies = new BrowserCookies();
  cookies.read(new URL(url), lines);
  return cookies.header(new URL(url), kind);
}

test('the browser accepts and refuses cookies as Chromium does', (t) => {
  const loopback = 'http://127.0.0.1:8000/auth/login';
  const elsewhere = 'http://lab.example/auth/login';
  const table: [url: string, line: string, header: string | undefined][] = [
    [loopback, 'a=1; Secure', 'a=1'],
    [elsewhere, 'a=1; Secure', undefined],
    ['https://lab.example/', 'a=1; Secure', 'a=1'],
    [loopback, '__Host-a=1; Secure; Path=/', '__Host-a=1'],
    [loopback, '__Host-a=1; Path=/', undefined],
    [loopback, '__Host-a=1; Secure; Path=/auth', undefined],
    [loopback, '__Host-a=1; Secure; Path=/; Domain=127.0.0.1', undefined],
    [loopback, '__Secure-a=1', undefined],
    [loopback, 'a=1; Max-Age=0', undefined],
    [loopback, 'a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'a=1'],
    [loopback, 'a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT', undefined],
    [loopback, 'a=1; Domain=another.example', undefined],
    [loopback, 'a=1; SameSite=None', undefined],
    [loopback, 'a=1; Path=/au', undefined],
    [loopback, 'a=1; Path=/auth/', 'a=1'],
    [loopback, 'a=b=c; Path=/', 'a=b=c'],
  ];
  for (const [url, line, header] of table) t.is(headerAfter(url, [line]), header, `${url} ${line}`);
  t.is(headerAfter(loopback, ['a=1; Path=/', 'a=2; Path=/', 'b=3; Path=/auth']), 'b=3; a=2');
});

test('the browser sends cookies to another site according to SameSite', (t) => {
  const lines = [
    'lax=1; SameSite=Lax',
    'strict=1; SameSite=Strict',
    'none=1; SameSite=None; Secure',
    'default=1',
  ];
  const send = (kind: typeof sameSite) => headerAfter('http://127.0.0.1:8000/', lines, kind);

  t.is(send(sameSite), 'lax=1; strict=1; none=1; default=1');
  t.is(send({ crossSite: true, method: 'GET' }), 'lax=1; none=1; default=1');
  t.is(send({ crossSite: true, method: 'POST' }), 'none=1');
});

test('a callback is cross-site, unless the person typed the URL of the sign-in', async (t) => {
  const issuer = await startIssuer(t);
  const party = await startRelyingParty(t, issuer, await discover(issuer));
  const listSites = async (from?: string) => {
    const { hops } = await signIn(new Browser(), party.loginUrl, { ...(from !== undefined && { from }) });
    return [hops[0], hops.at(-1)].map((hop) => hop?.sent['sec-fetch-site']);
  };

  t.deepEqual(await listSites(`${party.url}/`), ['same-origin', 'cross-site']);
  t.deepEqual(await listSites(), ['none', 'none']);
});

test('the person who is set signs in, also in a browser where another one did, and can refuse', async (t) => {
  const issuer = await startIssuer(t);
  const party = await startRelyingParty(t, issuer, await discover(issuer));
  const browser = new Browser();
  const { hops: first } = await signIn(browser, party.loginUrl);
  const { hops: second } = await signIn(browser, party.loginUrl);
  t.true(second.length < first.length, 'the session of the provider needs no second sign-in');

  issuer.person = { sub: '1702', name: 'Grace Hopper' };
  const { hops: third } = await signIn(browser, party.loginUrl);

  t.true(
    third.some(({ method }) => method === 'POST'),
    'the provider ends the session of the other person first',
  );

  const claims = party.tokens?.claims();
  t.like(claims, { sub: '1702', name: 'Grace Hopper' });
  t.is(claims?.email, undefined);
  issuer.people.refuses = true;
  const { callbackUrl, final } = await signIn(browser, party.loginUrl);
  t.is(final.text, 'refused');
  t.is(new URL(callbackUrl).searchParams.get('error'), 'access_denied');
  issuer.people.refuses = false;
  issuer.people.remove('1702');
  const read = client.fetchUserInfo(await discover(issuer), party.tokens?.access_token as string, '1702');
  await t.throwsAsync(read, { code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' });
});

test('the provider refuses a sign-in without PKCE, and a callback that was not registered', async (t) => {
  const issuer = await startIssuer(t, { redirectUris: ['http://127.0.0.1:9/auth/callback'] });
  const config = await discover(issuer);
  const open = async (parameters: Record<string, string>) => {
    const url = client.buildAuthorizationUrl(config, { scope: 'openid', state: 's', ...parameters });
    return new Browser().visit(url.href, { stopBefore: (target) => target.port === '9' });
  };
  const code_challenge = await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier());
  const pkce = { code_challenge, code_challenge_method: 'S256' };

  const without = await open({ redirect_uri: 'http://127.0.0.1:9/auth/callback' });
  t.regex(without.stoppedBefore ?? '', /error=invalid_request&error_description=.*PKCE/);
  const strange = await open({ redirect_uri: 'http://127.0.0.1:9/elsewhere', ...pkce });
  t.is(strange.stoppedBefore, undefined);
  t.is(strange.final.status, 400);
  t.regex(strange.final.text, /invalid_redirect_uri/);
  const right = await open({ redirect_uri: 'http://127.0.0.1:9/auth/callback', ...pkce });
  t.regex(right.stoppedBefore ?? '', /\?code=/);
});

test('the end session endpoint signs out and leads back to a registered URL', async (t) => {
  const issuer = await startIssuer(t);
  const config = await discover(issuer);
  const party = await startRelyingParty(t, issuer, config);
  const browser = new Browser();
  await signIn(browser, party.loginUrl);
  issuer.addRedirectUri(`${party.url}/auth/login`);
  const end = client.buildEndSessionUrl(config, {
    id_token_hint: party.tokens?.id_token as string,
    post_logout_redirect_uri: `${party.url}/auth/login`,
  });

  const { final: question } = await browser.visit(end.href, { from: party.url });
  const stopBefore = (target: URL) => target.origin === party.url;
  const { stoppedBefore } = await browser.submit(question, { logout: 'yes' }, { stopBefore });

  t.is(stoppedBefore, `${party.url}/auth/login`);
  const { hops } = await signIn(browser, party.loginUrl);
  t.true(
    hops.some(({ url }) => url.includes('/interaction/')),
    'the provider asks for a sign-in again',
  );
});
