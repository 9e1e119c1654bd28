import test, { type ExecutionContext } from 'ava';
import * as client from 'openid-client';
import { Browser } from '../support/oidc/browser.js';
import { approveDevice } from '../support/oidc/device-pages.js';
import { type Fault, faults, oauthError } from '../support/oidc/faults.js';
import { discover, startRelyingParty } from '../support/oidc/relying-party.js';
import { signIn } from '../support/oidc/sign-in.js';
import { type IssuerOptions, startIssuer } from '../support/oidc-issuer.js';

async function start(t: ExecutionContext, options?: IssuerOptions) {
  const issuer = await startIssuer(t, options);
  const config = await discover(issuer);
  const party = await startRelyingParty(t, issuer, config);
  const attempt = async () => (await signIn(new Browser(), party.loginUrl)).final.text;
  return { issuer, config, party, attempt };
}

test('a token endpoint with any fault signs nobody in, and works again without it', async (t) => {
  const { issuer, attempt, config } = await start(t);
  config.timeout = 1;
  const { redirect: _redirect, ...others } = faults;
  const table: Record<string, Fault> = { ...others, oauth: oauthError('invalid_client', 401) };
  for (const [name, fault] of Object.entries(table)) {
    issuer.spoil.answer('token', fault);
    t.is(await attempt(), 'refused', name);
  }
  issuer.spoil.answer('token');
  t.is(await attempt(), 'signed in');
});

test('a redirect of the token endpoint leads to tokens, for a client that follows it', async (t) => {
  const { issuer, attempt, config } = await start(t);
  issuer.spoil.answer('token', faults.redirect);

  t.is(await attempt(), 'refused', 'openid-client does not follow it');
  config[client.customFetch] = (url, { redirect: _redirect, ...init }) => fetch(url, init as RequestInit);
  t.is(await attempt(), 'signed in');
});

test('a fault with a delay and without a status answers late', async (t) => {
  const { issuer, attempt, config } = await start(t);
  issuer.spoil.answer('token', { delayMs: 1500 });
  config.timeout = 1;
  t.is(await attempt(), 'refused');
  t.is(issuer.issued.length, 4, 'the provider issued a code and three tokens before the delay');
  config.timeout = 10;
  t.is(await attempt(), 'signed in');
});

test('the metadata can name another issuer, and lack endpoints', async (t) => {
  const issuer = await startIssuer(t);
  issuer.spoil.change('discovery', { issuer: 'https://another.example' });
  await t.throwsAsync(discover(issuer), { code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });

  const lacking = { device_authorization_endpoint: undefined, token_endpoint: undefined };
  issuer.spoil.change('discovery', lacking);
  const config = await discover(issuer);
  t.like(config.serverMetadata(), lacking);
  t.is(config.serverMetadata().end_session_endpoint, `${issuer.url}/oauth/logout`);
  await t.throwsAsync(client.initiateDeviceAuthorization(config, {}), {
    message: /device_authorization_endpoint/,
  });
  issuer.spoil.clear();
  t.truthy((await discover(issuer)).serverMetadata().token_endpoint);
});

test('the device authorization can fail, and lack the device code', async (t) => {
  const { issuer, config } = await start(t);
  const begin = () => client.initiateDeviceAuthorization(config, { scope: 'openid' });
  for (const fault of [oauthError('invalid_scope'), faults.text, faults.serverError]) {
    issuer.spoil.answer('device_authorization', fault);
    await t.throwsAsync(begin());
  }
  issuer.spoil.answer('device_authorization');
  issuer.spoil.change('device_authorization', { device_code: undefined });
  await t.throwsAsync(begin(), { code: 'OAUTH_INVALID_RESPONSE' });
  issuer.spoil.change('device_authorization');
  t.truthy((await begin()).device_code);
});

test('userinfo alone has name and e-mail, and can fail, name another sub, or lack the e-mail', async (t) => {
  const { issuer, party, config, attempt } = await start(t, { claimsInIdToken: false });
  await attempt();
  const { sub, email } = issuer.person;
  t.is(party.tokens?.claims()?.email, undefined);
  const read = () => client.fetchUserInfo(config, party.tokens?.access_token as string, sub);

  t.like(await read(), { sub, email: email as string, name: issuer.person.name as string });
  issuer.spoil.change('userinfo', { sub: '9' });
  await t.throwsAsync(read());
  issuer.spoil.change('userinfo', { email: undefined });
  t.false('email' in (await read()));
  issuer.spoil.answer('userinfo', faults.serverError);
  await t.throwsAsync(read());
  issuer.spoil.clear();
  issuer.person = { sub, name: 'Without e-mail' };
  t.deepEqual({ ...(await read()) }, { sub, name: 'Without e-mail' });
});

test('rotated keys sign new tokens, and a client that reads the keys again accepts them', async (t) => {
  const { issuer, attempt } = await start(t);
  t.is(await attempt(), 'signed in');
  t.is(issuer.records.count('jwks'), 1);
  const { keys: old } = (await (await fetch(`${issuer.url}/oauth/discovery/keys`)).json()) as client.JWKS;

  issuer.spoil.rotateKeys();

  const { keys } = (await (await fetch(`${issuer.url}/oauth/discovery/keys`)).json()) as client.JWKS;
  t.false(keys.some(({ kid }) => old.some((key) => key.kid === kid)));
  t.false(keys.some((key) => 'd' in key));
  t.is(await attempt(), 'refused', 'openid-client keeps the old keys for a minute');
  const fresh = await startRelyingParty(t, issuer, await discover(issuer));
  t.is((await signIn(new Browser(), fresh.loginUrl)).final.text, 'signed in');
  issuer.spoil.idToken = 'another key, same kid';
  t.is((await signIn(new Browser(), fresh.loginUrl)).final.text, 'refused');
});

test('the callback can carry another iss or state, claims can change, and the port can be closed', async (t) => {
  const { issuer, attempt, party } = await start(t);
  for (const callback of [
    { iss: 'https://another.example' },
    { iss: undefined },
    { state: 'x' },
    { code: undefined },
  ]) {
    issuer.spoil.callback = callback;
    t.is(await attempt(), 'refused', JSON.stringify(callback));
  }
  issuer.spoil.clear();
  issuer.spoil.claims = { groups: ['lab'] };
  t.is(await attempt(), 'signed in');
  t.deepEqual(party.tokens?.claims()?.groups, ['lab']);
  await issuer.stop();
  await t.throwsAsync(discover(issuer));
  await issuer.start();
  t.truthy(await discover(issuer));
  await t.notThrowsAsync(approveDevice(issuer.url, await userCode()));

  async function userCode(): Promise<string> {
    const config = await discover(issuer);
    return (await client.initiateDeviceAuthorization(config, { scope: 'openid' })).user_code;
  }
});
