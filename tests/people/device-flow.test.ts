import test from 'ava';
import type { DeviceCode } from '../../server/people/collections.js';
import { jsonBody } from '../support/clients.js';
import {
  countPolls,
  DeviceLogin,
  huge,
  jsonOf,
  listSignIns,
  oauth,
  refused,
  said,
  startDeviceWorld,
  unknownRequest,
} from '../support/device-flow.js';
import { approveDevice, denyDevice } from '../support/oidc/device-pages.js';
import { type Fault, faults, oauthError } from '../support/oidc/faults.js';
import { readJwt } from '../support/oidc/signing.js';
import { until } from '../support/until.js';

type Row = [name: string, fault: Fault, status: number, message: string, reason: string];

const unreachable = [502, 'Failed to communicate with OIDC provider', 'provider_unreachable'] as const;
const rejected = [502, 'OIDC provider rejected device authorization request', 'device_rejected'] as const;
const unexpected = [502, 'OIDC provider returned an unexpected response', 'device_unexpected'] as const;
const noCode = [502, 'OIDC provider response missing device_code', 'device_code_missing'] as const;

test('each failure of auth-init has its status, its message and one security event', async (t) => {
  const world = await startDeviceWorld(t);
  const { issuer, server, cli } = world;
  const rows: Row[] = [
    ['an OAuth error', oauthError('invalid_scope'), ...rejected],
    ['a server error', faults.serverError, ...rejected],
    ['a refused client', oauthError('invalid_client', 401), ...rejected],
    ['unavailable', faults.unavailable, ...rejected],
    ['a redirect', faults.redirect, ...rejected],
    ['text', faults.text, ...unexpected],
    ['HTML', faults.html, ...unexpected],
    ['broken JSON', faults.brokenJson, ...unexpected],
    ['an array', faults.array, ...unexpected],
    ['nothing', faults.empty, ...unexpected],
    ['no device code', jsonOf({ user_code: 'A' }), ...noCode],
    ['a number as device code', jsonOf({ device_code: 5 }), ...noCode],
    ['an empty device code', jsonOf({ device_code: '' }), ...noCode],
    ['an OAuth error with status 200', jsonOf({ error: 'server_error' }), ...noCode],
    ['a closed connection', faults.cut, ...unreachable],
    ['a response of 6 MiB', huge, ...unreachable],
  ];
  for (const [name, fault, status, message, reason] of rows) {
    issuer.spoil.answer('device_authorization', fault);
    const before = listSignIns(server).length;
    t.deepEqual(refused(await cli.init()), said([status, message]), name);
    t.deepEqual(listSignIns(server).slice(before), [['authn_login_fail:unknown', reason]], name);
  }
  issuer.spoil.clear();
  t.is((await cli.init()).status, 200);
  t.is(await server.deps.collections.deviceCodes.countDocuments(), 1);
  t.false(server.logText().includes('"level":50'));
});

test('auth-init waits five seconds for the provider', async (t) => {
  const { issuer, cli } = await startDeviceWorld(t);
  issuer.spoil.answer('device_authorization', faults.hang);
  const started = performance.now();
  t.deepEqual(refused(await cli.init()), said(unreachable));
  const seconds = (performance.now() - started) / 1000;
  t.true(seconds >= 4.9 && seconds < 9, `${seconds} s`);
});

test('metadata without an endpoint, or with one that is not safe, say what is missing', async (t) => {
  const { issuer, cli, startAnother, approved } = await startDeviceWorld(t);
  await issuer.stop();
  t.deepEqual(refused(await cli.init()), said(unreachable));
  await issuer.start();
  for (const endpoint of [undefined, 5, 'not a URL', 'file:///etc/passwd']) {
    issuer.spoil.change('discovery', { device_authorization_endpoint: endpoint });
    const other = new DeviceLogin(await startAnother());
    const answer = [500, { message: 'OIDC provider does not support device authorization', detail: {} }];
    t.deepEqual(refused(await other.init()), answer);
    t.deepEqual(listSignIns(other.server), [['authn_login_fail:unknown', 'device_unsupported']]);
  }
  for (const issuerName of ['https://another.example', 7]) {
    issuer.spoil.change('discovery', { issuer: issuerName });
    t.deepEqual(refused(await new DeviceLogin(await startAnother()).init()), said(unreachable));
  }
  issuer.spoil.clear();
  const requestId = await approved();
  issuer.spoil.change('discovery', { token_endpoint: undefined });
  const other = new DeviceLogin(await startAnother());
  const answer = [500, { message: 'OIDC provider metadata missing token endpoint', detail: {} }];
  t.deepEqual(refused(await other.poll(requestId)), answer);
  t.deepEqual(listSignIns(other.server), [['authn_login_fail:unknown', 'token_endpoint_missing']]);
});

test('an approved request returns tokens that work, once, and its person is registered', async (t) => {
  const world = await startDeviceWorld(t);
  const { issuer, server, cli, approved } = world;
  const begun = await cli.init();
  t.is(begun.status, 200);
  t.is(begun.headers.get('cache-control'), 'no-store');
  t.deepEqual(Object.keys(begun.body).sort(), [
    'expires_in',
    'request_id',
    'user_code',
    'verification_uri',
    'verification_uri_complete',
  ]);
  t.regex(String(begun.body.request_id), /^[\w-]{43}$/);
  const requestId = await approved();
  const answer = await cli.poll(requestId);
  t.is(answer.status, 200);
  t.is(answer.headers.get('cache-control'), 'no-store');
  const { access_token: access, refresh_token: refresh, ...rest } = answer.body as Record<string, string>;
  t.deepEqual(rest as object, { token_type: 'Bearer', expires_in: 600 });
  const { email, name, sub } = issuer.person;
  t.like(readJwt(access as string).payload, {
    permissions: { client_id: email, role: 'contributor', email },
  });
  const init = jsonBody({ job_queue: 'q' }, { authorization: `Bearer ${access}` });
  t.is((await server.request('/v1/job', init)).status, 200);
  const refreshed = await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: refresh }));
  t.is(refreshed.status, 200);
  t.like(await server.deps.collections.clients.findOne({ sub: sub }), {
    client_id: email as string,
    iss: issuer.url,
    name: name as string,
    email: email as string,
    role: 'contributor',
  });
  const signIns = listSignIns(server);
  t.deepEqual(signIns[0], [`authn_login_success:${email}`]);
  t.deepEqual(refused(await cli.poll(requestId)), said(unknownRequest));
  t.deepEqual(listSignIns(server).at(-1), ['authn_login_fail:unknown', 'request_id_invalid']);
  t.is(countPolls(world), 1);
  t.is(await server.deps.collections.deviceCodes.countDocuments(), 1, 'the other request');
  t.is(await server.deps.collections.sessions.countDocuments(), 0);
});

test('the request is deleted before its tokens are answered', async (t) => {
  const { issuer, server, cli, approved } = await startDeviceWorld(t);
  const requestId = await approved();
  issuer.spoil.answer('userinfo', { delayMs: 600 });
  const answer = cli.poll(requestId);
  await until(t, () => issuer.requests.some(({ endpoint }) => endpoint === 'userinfo'), 5);
  t.is(await server.deps.collections.deviceCodes.countDocuments(), 0);
  t.deepEqual(refused(await cli.poll(requestId)), said(unknownRequest));
  t.is((await answer).status, 200);
});

test('a public client sends its id, and a confidential one its secret', async (t) => {
  for (const isPublic of [true, false]) {
    const { issuer, cli, approved } = await startDeviceWorld(t, { isPublic });
    t.is((await cli.poll(await approved())).status, 200);
    const sent = issuer.requests.filter(({ method }) => method === 'POST');
    const own = sent.filter(({ endpoint }) => endpoint === 'token' || endpoint === 'device_authorization');
    for (const { authorization, form } of own) {
      t.is(authorization?.slice(0, 6), isPublic ? undefined : 'Basic ');
      if (isPublic) t.is(form?.client_id, 'lab-public');
    }
    t.is(own.length, 2);
  }
});

test('an unknown, a stored, an expired and an odd request id are refused without asking the provider', async (t) => {
  const world = await startDeviceWorld(t);
  const { cli, server, clock } = world;
  const { requestId } = await cli.begin();
  const stored = (await server.deps.collections.deviceCodes.findOne({})) as DeviceCode;
  const ids = [
    'x',
    stored.request_id,
    encodeURIComponent(stored.request_id),
    '%00',
    '%24ne',
    'a'.repeat(4000),
    `${requestId}=`,
  ];
  for (const id of ids) t.deepEqual(refused(await cli.poll(id)), said(unknownRequest), id);
  clock.pass(301);
  t.deepEqual(refused(await cli.poll(requestId)), said(unknownRequest));
  t.deepEqual(
    listSignIns(server),
    Array(ids.length + 1).fill(['authn_login_fail:unknown', 'request_id_invalid']),
  );
  t.is(countPolls(world), 0);
});

test('a pending request is asked again at the exact interval, and a poll over a second early is slowed down unasked', async (t) => {
  const world = await startDeviceWorld(t);
  const { issuer, cli, clock, server } = world;
  issuer.spoil.change('device_authorization', { interval: 8 });
  const { requestId, userCode } = await cli.begin();
  for (const asked of [1, 2, 3]) {
    t.deepEqual(refused(await cli.poll(requestId)), oauth('authorization_pending'));
    t.is(countPolls(world), asked);
    clock.pass(8);
  }
  t.deepEqual(refused(await cli.poll(requestId)), oauth('authorization_pending'));
  clock.pass(6.9);
  const early = await cli.poll(requestId);
  t.deepEqual(refused(early), oauth('slow_down'));
  t.is(early.headers.get('retry-after'), '5');
  t.is(countPolls(world), 4);
  clock.pass(0.1);
  await approveDevice(issuer.url, userCode);
  t.is((await cli.poll(requestId)).status, 200);
  t.is(countPolls(world), 5);
  t.deepEqual(listSignIns(server), [[`authn_login_success:${issuer.person.email}`]]);
});

test('the provider slows down by five seconds, and a command line that keeps its interval still gets through', async (t) => {
  const world = await startDeviceWorld(t);
  const { issuer, cli, clock, approved, server } = world;
  const requestId = await approved();
  issuer.spoil.answer('token', { ...oauthError('slow_down'), times: 1 });
  const slowed = await cli.poll(requestId);
  t.deepEqual(refused(slowed), oauth('slow_down'));
  t.is(slowed.headers.get('retry-after'), '5');
  clock.pass(5);
  t.deepEqual(refused(await cli.poll(requestId)), oauth('slow_down'));
  t.is(countPolls(world), 1);
  clock.pass(5);
  t.is((await cli.poll(requestId)).status, 200);
  t.deepEqual(listSignIns(server), [[`authn_login_success:${issuer.person.email}`]]);
});

test("the provider's no ends the request, with its error and one security event", async (t) => {
  const { issuer, cli, clock, server } = await startDeviceWorld(t);
  const denied = await cli.begin();
  await denyDevice(issuer.url, denied.userCode);
  t.deepEqual(refused(await cli.poll(denied.requestId)), oauth('access_denied'));
  clock.pass(5);
  t.deepEqual(refused(await cli.poll(denied.requestId)), said(unknownRequest));
  const { requestId } = await cli.begin();
  issuer.spoil.answer('token', oauthError('invalid_client', 401));
  t.deepEqual(refused(await cli.poll(requestId)), oauth('invalid_client'));
  t.deepEqual(
    listSignIns(server).map(([, reason]) => reason),
    ['access_denied', 'request_id_invalid', 'invalid_client'],
  );
  t.is(await server.deps.collections.deviceCodes.countDocuments(), 0);
});

test('a code that nobody approved in time ends the request', async (t) => {
  const { cli, server } = await startDeviceWorld(t, { issuer: { deviceCodeSeconds: 1 } });
  const { deviceCodes } = server.deps.collections;
  const { requestId } = await cli.begin();
  let answer = await cli.poll(requestId);
  await until(t, async () => {
    await deviceCodes.updateMany({}, { $unset: { polled_at: true } });
    if (answer.body.error === 'authorization_pending') answer = await cli.poll(requestId);
    return answer.body.error !== 'authorization_pending';
  });
  t.deepEqual(refused(answer), oauth('expired_token'));
  t.is(await deviceCodes.countDocuments(), 0);
  t.deepEqual(listSignIns(server), [['authn_login_fail:unknown', 'expired_token']]);
});

test('an answer to a poll that is neither yes nor no is 502, and the person can still approve', async (t) => {
  const { issuer, cli, clock, server, approved } = await startDeviceWorld(t);
  const requestId = await approved();
  const rows: Row[] = [
    ['a server error', faults.serverError, ...unexpected],
    ['unavailable', faults.unavailable, ...unexpected],
    ['text', faults.text, ...unexpected],
    ['an array', faults.array, ...unexpected],
    ['broken JSON', faults.brokenJson, ...unexpected],
    ['no token', jsonOf({}), ...unexpected],
    ['a number as token', jsonOf({ access_token: 5 }), ...unexpected],
    ['an empty token', jsonOf({ access_token: '' }), ...unexpected],
    ['a strange error', oauthError('<script>'), ...unexpected],
    ['a redirect', faults.redirect, ...unexpected],
    ['a closed connection', faults.cut, ...unreachable],
    ['a response of 6 MiB', huge, ...unreachable],
  ];
  for (const [name, fault, status, message, reason] of rows) {
    issuer.spoil.answer('token', fault);
    const before = listSignIns(server).length;
    t.deepEqual(refused(await cli.poll(requestId)), said([status, message]), name);
    t.deepEqual(listSignIns(server).slice(before), [['authn_login_fail:unknown', reason]], name);
    clock.pass(5);
  }
  issuer.spoil.clear();
  t.is((await cli.poll(requestId)).status, 200);
  t.false(server.logText().includes('"level":50'));
});
