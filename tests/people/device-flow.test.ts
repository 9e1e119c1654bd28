import test from 'ava';
import type { DeviceCode } from '../../server/people/collections.js';
import { maxSignInsPerMinute } from '../../server/sessions/sign-in-limit.js';
import { addClient, jsonBody } from '../support/clients.js';
import {
  type DeviceAnswer,
  DeviceLogin,
  type DeviceWorld,
  listSignIns,
  startDeviceWorld,
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
const noUserinfo = [
  502,
  'Failed to retrieve user information from OIDC provider',
  'userinfo_failed',
] as const;
const noEmail = [502, 'OIDC provider did not return an email address', 'device_email_missing'] as const;
const unknownRequest = [400, 'Invalid or expired request_id', 'request_id_invalid'] as const;

const huge: Fault = {
  status: 200,
  type: 'application/json',
  body: JSON.stringify({
    device_code: 'x',
    sub: '1701',
    email: 'ada@example.com',
    more: 'x'.repeat(6 << 20),
  }),
};
const jsonOf = (body: unknown): Fault => ({
  status: 200,
  type: 'application/json',
  body: JSON.stringify(body),
});

const refused = ({ status, body }: DeviceAnswer) => [status, body];
const oauth = (error: string) => [400, { error }];
const said = ([status, message]: readonly [number, string, ...unknown[]]) => [
  status,
  { message, detail: {} },
];

function countPolls({ issuer }: DeviceWorld): number {
  return issuer.requests.filter(({ endpoint }) => endpoint === 'token').length;
}

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

test('userinfo that fails, names nobody or has no e-mail address signs nobody in', async (t) => {
  const { issuer, cli, server, approved } = await startDeviceWorld(t);
  const { sub, email } = issuer.person;
  const rows: Row[] = [
    ['a server error', faults.serverError, ...noUserinfo],
    ['text', faults.text, ...noUserinfo],
    ['an array', faults.array, ...noUserinfo],
    ['a closed connection', faults.cut, ...noUserinfo],
    ['a redirect', faults.redirect, ...noUserinfo],
    ['a response of 6 MiB', huge, ...noUserinfo],
    ['no subject', jsonOf({ email }), ...noUserinfo],
    ['a number as subject', jsonOf({ sub: 5, email }), ...noUserinfo],
    ['half of a surrogate pair as subject', jsonOf({ sub: '\ud800', email }), ...noUserinfo],
    ['a long subject', jsonOf({ sub: 'x'.repeat(256), email }), ...noUserinfo],
    ['no e-mail address', jsonOf({ sub }), ...noEmail],
    ['an empty e-mail address', jsonOf({ sub, email: '' }), ...noEmail],
    ['an object as e-mail address', jsonOf({ sub, email: { $ne: 1 } }), ...noEmail],
    ['a long e-mail address', jsonOf({ sub, email: `${'x'.repeat(300)}@example.com` }), ...noEmail],
  ];
  for (const [name, fault, status, message, code] of rows) {
    issuer.spoil.clear();
    const requestId = await approved();
    issuer.spoil.answer('userinfo', fault);
    const before = listSignIns(server).length;
    t.deepEqual(refused(await cli.poll(requestId)), said([status, message]), name);
    const reason = /subject/.test(name) && /surrogate|long/.test(name) ? 'the subject is not valid' : code;
    t.deepEqual(listSignIns(server).slice(before), [['authn_login_fail:unknown', reason]], name);
    t.deepEqual(refused(await cli.poll(requestId)), said(unknownRequest), name);
  }
  t.is(await server.deps.collections.clients.countDocuments({ sub: { $exists: true } }), 0);
  t.false(server.logText().includes('"level":50'));
});

test('a person who may not sign in gets the reason, and nothing is written', async (t) => {
  const { issuer, cli, server, approved } = await startDeviceWorld(t, {
    settings: { OIDC_EMAIL_DOMAINS: 'Example.com, lab.example' },
  });
  const { clients } = server.deps.collections;
  const ada = { ...issuer.person };
  t.is((await cli.poll(await approved())).status, 200);
  await addClient(server, { client_id: 'ci@example.com' }, 'a secret of the lab');
  await addClient(server, { client_id: 'eve@example.com', sub: '66', iss: issuer.url });
  await server.deps.collections.disabledClients.insertOne({ _id: 'eve@example.com' } as never);
  await server.deps.collections.disabledClients.insertOne({ _id: 'gone@example.com' } as never);
  const inUse = 'This e-mail address is in use by another client';
  const rows: [person: object, message: string, reason: string][] = [
    [{ sub: '2', email: 'ci@example.com' }, inUse, 'email_in_use'],
    [{ sub: '2', email: 'ada@example.com' }, inUse, 'email_in_use'],
    [{ sub: '2', email: 'ADA@example.com' }, inUse, 'email_in_use'],
    [
      { sub: '2', email: 'ada_at_example_dot_com@example.com/x' },
      'E-mail domain not allowed',
      'email_domain',
    ],
    [{ ...ada, email: 'ci@example.com' }, inUse, 'email_in_use'],
    [{ ...ada, email_verified: false }, 'E-mail address not verified', 'email_not_verified'],
    [{ ...ada, email: 'ada@example.com.evil.example' }, 'E-mail domain not allowed', 'email_domain'],
    [{ ...ada, email: 'ada' }, 'E-mail domain not allowed', 'email_domain'],
    [{ sub: '66', email: 'eve@example.com' }, 'This account is disabled', 'person_disabled'],
    [{ sub: '3', email: 'gone@example.com' }, 'This account is disabled', 'person_disabled'],
  ];
  const before = await clients.find().sort({ _id: 1 }).toArray();
  for (const [person, message, reason] of rows) {
    issuer.person = person as typeof ada;
    const events = listSignIns(server).length;
    t.deepEqual(refused(await cli.poll(await approved())), said([403, message]), reason);
    const { email } = issuer.person;
    t.deepEqual(listSignIns(server).slice(events), [[`authn_login_fail:${email}`, reason]]);
  }
  t.deepEqual(await clients.find().sort({ _id: 1 }).toArray(), before);
});

test('two polls at once: one asks the provider, the other is pending, on two processes', async (t) => {
  const world = await startDeviceWorld(t);
  const { issuer, cli, startAnother, clock, approved } = world;
  const other = new DeviceLogin(await startAnother({ clock }));
  const requestId = await approved();
  issuer.spoil.answer('token', { delayMs: 300 });
  const answers = await Promise.all([cli.poll(requestId), other.poll(requestId), cli.poll(requestId)]);
  t.is(countPolls(world), 1);
  t.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400]);
  for (const answer of answers) {
    if (answer.status !== 200) t.deepEqual(refused(answer), oauth('authorization_pending'));
  }
  issuer.spoil.clear();
  const begun = await cli.begin();
  await approveDevice(issuer.url, begun.userCode);
  t.is((await other.poll(begun.requestId)).status, 200);
  t.deepEqual(refused(await cli.poll(begun.requestId)), said(unknownRequest));
});

test('a process that dies while it asks keeps the request from others for ten seconds', async (t) => {
  const { server, cli, clock, approved } = await startDeviceWorld(t);
  const requestId = await approved();
  const now = clock.now();
  const turn = { polled_at: now, polling_until: new Date(now.getTime() + 10_000) };
  await server.deps.collections.deviceCodes.updateMany({}, { $set: turn });
  clock.pass(9);
  t.deepEqual(refused(await cli.poll(requestId)), oauth('authorization_pending'));
  clock.pass(1);
  t.is((await cli.poll(requestId)).status, 200);
});

test('two first sign-ins of one person at once both succeed, with one record', async (t) => {
  const { cli, server, startAnother, clock, approved } = await startDeviceWorld(t);
  const other = new DeviceLogin(await startAnother({ clock }));
  const [first, second] = [await approved(), await approved()];
  const answers = await Promise.all([cli.poll(first), other.poll(second)]);
  t.deepEqual(
    answers.map(({ status, body }) => [status, body.message]),
    Array(2).fill([200, undefined]),
  );
  t.is(await server.deps.collections.clients.countDocuments({ sub: { $exists: true } }), 1);
});

test('a request that a Testflinger server stored in clear, without expiry or interval, is valid', async (t) => {
  const { issuer, server, cli, clock } = await startDeviceWorld(t);
  const { deviceCodes } = server.deps.collections;
  const endpoint = `${issuer.url}/oauth/authorize_device`;
  const authorization = `Basic ${Buffer.from(`lab:${encodeURIComponent(issuer.clientSecret)}`).toString('base64')}`;
  for (const [i, more] of [{}, { expires_at: null, interval: null }, { interval: '5' }].entries()) {
    const body = new URLSearchParams({ scope: 'openid profile email' });
    const response = await fetch(endpoint, { method: 'POST', body, headers: { authorization } });
    const device = (await response.json()) as Record<string, string>;
    const id = `peer-${i}`;
    const made = { request_id: id, device_code: device.device_code, ...more } as unknown as DeviceCode;
    await deviceCodes.insertOne(made);
    t.deepEqual(refused(await cli.poll(id)), oauth('authorization_pending'));
    clock.pass(3.9);
    t.deepEqual(refused(await cli.poll(id)), oauth('slow_down'));
    clock.pass(1.1);
    await approveDevice(issuer.url, device.user_code as string);
    t.is((await cli.poll(id)).status, 200);
  }
  await deviceCodes.insertOne({ request_id: 'broken', device_code: 7 } as unknown as DeviceCode);
  t.deepEqual(refused(await cli.poll('broken')), said(unknownRequest));
});

test('neither the database nor the log holds a request id, a device code or a token in clear', async (t) => {
  const { issuer, server, cli, clock, approved } = await startDeviceWorld(t);
  const { requestId } = await cli.begin();
  await cli.poll(requestId);
  const done = await approved();
  clock.pass(5);
  const { body } = await cli.poll(done);
  const secrets = [requestId, done, ...issuer.issued, String(body.access_token), String(body.refresh_token)];
  t.true(issuer.issued.length >= 3);
  const { db } = server.deps.connection;
  const stored: string[] = [];
  for (const { name } of await db.listCollections().toArray()) {
    const documents = await db.collection(name).find().toArray();
    stored.push(JSON.stringify(documents));
    for (const { device_code: code } of documents)
      if (code !== undefined)
        stored.push(Buffer.from((code as { buffer: Buffer }).buffer).toString('latin1'));
  }
  for (const secret of secrets) {
    t.false(stored.join('\n').includes(secret));
    t.false(server.logText().includes(secret));
  }
});

test('one address can begin only so many sign-ins in a minute', async (t) => {
  const { issuer, server, cli } = await startDeviceWorld(t);
  issuer.spoil.answer('device_authorization', jsonOf({ device_code: 'x' }));
  for (let i = 0; i < maxSignInsPerMinute; i++) t.is((await cli.init()).status, 200);
  const answer = await cli.init();
  t.deepEqual(refused(answer), [429, { message: 'Too many attempts', detail: {} }]);
  const seconds = Number(answer.headers.get('retry-after'));
  t.true(seconds > 0 && seconds <= 60);
  t.deepEqual(listSignIns(server), [['authn_login_fail:unknown', 'too_many_attempts']]);
});

test('lifetimes and intervals of strange types count as absent', async (t) => {
  const { issuer, server, cli, clock } = await startDeviceWorld(t);
  const rows: [expires: unknown, interval: unknown, seconds: number, between: number][] = [
    [undefined, undefined, 300, 5],
    ['60', '2', 300, 5],
    [-1, 0, 300, 5],
    [1e9, 1e9, 300, 5],
    [{ $gt: 1 }, [3], 300, 5],
    [60, 2, 60, 2],
  ];
  for (const [expires, interval, seconds, between] of rows) {
    await server.deps.collections.deviceCodes.deleteMany({});
    issuer.spoil.change('device_authorization', { expires_in: expires, interval });
    const { body } = await cli.init();
    t.deepEqual([body.expires_in, body.interval], [expires, interval]);
    const stored = await server.deps.collections.deviceCodes.findOne({});
    t.is(stored?.interval, between);
    t.is(stored?.expires_at?.getTime(), clock.now().getTime() + seconds * 1000);
  }
});
