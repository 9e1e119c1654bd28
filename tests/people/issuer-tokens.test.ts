import test, { type ExecutionContext } from 'ava';
import * as client from 'openid-client';
import { Browser } from '../support/oidc/browser.js';
import { approveDevice, denyDevice } from '../support/oidc/device-pages.js';
import { oauthError } from '../support/oidc/faults.js';
import { discover, startRelyingParty } from '../support/oidc/relying-party.js';
import { signIn } from '../support/oidc/sign-in.js';
import { type Issuer, type IssuerOptions, startIssuer } from '../support/oidc-issuer.js';
import { until } from '../support/until.js';

const scope = 'openid profile email read_api';

/** Signs a person in and returns the tokens. */
async function getTokens(t: ExecutionContext, options?: IssuerOptions) {
  const issuer = await startIssuer(t, options);
  const config = await discover(issuer);
  const party = await startRelyingParty(t, issuer, config);
  await signIn(new Browser(), party.loginUrl);
  const { access_token: access = '', refresh_token: refresh = '', id_token = '' } = party.tokens ?? {};
  return { issuer, config, access, refresh, idToken: id_token, party };
}

const callApi = (issuer: Issuer, path: string, token: string) =>
  fetch(`${issuer.url}/api/v4/${path}`, {
    redirect: 'manual',
    headers: { authorization: `Bearer ${token}` },
  });

/** Returns the OAuth error of a request that fails, or undefined. */
const errorOf = (answer: Promise<unknown>) =>
  answer.then(
    () => undefined,
    (error: unknown) => (error instanceof client.ResponseBodyError ? error.error : String(error)),
  );

test('a refresh token works once', async (t) => {
  const { config, issuer, refresh } = await getTokens(t);

  const renewed = await client.refreshTokenGrant(config, refresh);

  t.not(renewed.refresh_token, refresh);
  t.true(issuer.issued.includes(renewed.refresh_token as string));
  t.is((await callApi(issuer, 'user', renewed.access_token)).status, 200);
  t.is(await errorOf(client.refreshTokenGrant(config, refresh)), 'invalid_grant');
});

test('the API answers the person to a valid access token with read_api only, and sets a cookie', async (t) => {
  const { access, issuer, config } = await getTokens(t, { accessTokenSeconds: 2 });

  const answer = await callApi(issuer, 'user', access);

  const { sub, name, nickname, email } = issuer.person;
  t.deepEqual(await answer.json(), { id: Number(sub), username: nickname, name, email, state: 'active' });
  t.regex(answer.headers.get('set-cookie') ?? '', /^_gitlab_session=/);
  t.is((await callApi(issuer, 'user', `${access}x`)).status, 401);
  const device = await client.initiateDeviceAuthorization(config, { scope: 'openid' });
  await approveDevice(issuer.url, device.user_code);
  const { access_token: narrow } = await client.pollDeviceAuthorizationGrant(config, {
    ...device,
    interval: 0.01,
  });
  t.is((await callApi(issuer, 'user', narrow)).status, 401, 'read_api was not granted');
  await until(t, async () => (await callApi(issuer, 'user', access)).status === 401, 5);
  t.is(issuer.requests.find(({ path }) => path === '/api/v4/user')?.authorization, `Bearer ${access}`);
});

test('the API answers HTML, text, many bytes, errors and redirects on request', async (t) => {
  const { access, issuer } = await getTokens(t);
  const call = (path: string) => callApi(issuer, path, access);

  t.deepEqual(await (await call('projects/7?page=2')).json(), {
    path: '/api/v4/projects/7',
    query: { page: '2' },
  });
  t.is((await call('page')).headers.get('content-type'), 'text/html; charset=utf-8');
  t.is((await call('text/3')).headers.get('content-type'), 'text/plain; charset=utf-8');
  const large = await call(`size/${4 * 2 ** 20 + 1}`);
  t.is(large.headers.get('content-length'), String(4 * 2 ** 20 + 1));
  t.is((await large.text()).length, 4 * 2 ** 20 + 1);
  const chunked = await call('chunked/5000000');
  t.is(chunked.headers.get('content-length'), null);
  t.is(((await chunked.json()) as string).length, 5_000_000 - 2);
  t.deepEqual([(await call('status/404')).status, (await call('status/204')).status], [404, 204]);
  const moved = await call('redirect?to=https://another.example/');
  t.deepEqual([moved.status, moved.headers.get('location')], [302, 'https://another.example/']);
  await t.throwsAsync(async () => (await call('cut')).text());
  const started = performance.now();
  t.is((await call('slow?ms=300')).status, 200);
  t.true(performance.now() - started >= 290);
});

test('a device gets tokens after it was approved, and asks again until then', async (t) => {
  const issuer = await startIssuer(t);
  const config = await discover(issuer, { clientId: 'lab-public' });
  const device = await client.initiateDeviceAuthorization(config, { scope });
  const polled = client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.02 });
  const polls = () => issuer.requests.filter(({ endpoint }) => endpoint === 'token');
  await until(t, () => polls().filter(({ status }) => status === 400).length > 1);

  await approveDevice(issuer.url, device.user_code);

  const tokens = await polled;
  t.like(tokens.claims(), { sub: issuer.person.sub, email: issuer.person.email as string });
  t.is((await callApi(issuer, 'user', tokens.access_token)).status, 200);
  t.is(polls().at(-1)?.form?.device_code, device.device_code);
  t.true([device.device_code, tokens.access_token].every((secret) => issuer.issued.includes(secret)));
  await t.throwsAsync(approveDevice(issuer.url, device.user_code), { message: /user code refused/ });
});

test('a device that was denied, or is too late, gets the error', async (t) => {
  const issuer = await startIssuer(t, { deviceCodeSeconds: 2 });
  const config = await discover(issuer);
  const poll = (device: client.DeviceAuthorizationResponse) =>
    client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01, expires_in: 60 });
  const late = await client.initiateDeviceAuthorization(config, { scope });
  const denied = await client.initiateDeviceAuthorization(config, { scope });

  await denyDevice(issuer.url, denied.user_code);

  t.is(await errorOf(poll(denied)), 'access_denied');
  t.is(await errorOf(poll(late)), 'expired_token');
});

test('a device is slowed down as often as the test wants', async (t) => {
  const issuer = await startIssuer(t);
  const config = await discover(issuer);
  const device = await client.initiateDeviceAuthorization(config, { scope });
  await approveDevice(issuer.url, device.user_code);
  issuer.spoil.answer('token', { ...oauthError('slow_down'), times: 1 });
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device.device_code,
    client_id: 'lab-public',
  });
  const poll = async () => (await fetch(`${issuer.url}/oauth/token`, { method: 'POST', body })).json();

  t.like(await poll(), { error: 'slow_down' });
  t.like(await poll(), { error: 'invalid_grant' }, 'the code belongs to the other client');
  const tokens = await client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01 });
  t.is(tokens.claims()?.sub, issuer.person.sub);
});
