import test from 'ava';
import type { DeviceCode } from '../../server/people/collections.js';
import { maxSignInsPerMinute } from '../../server/sessions/sign-in-limit.js';
import { addClient } from '../support/clients.js';
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
import { approveDevice } from '../support/oidc/device-pages.js';
import { type Fault, faults } from '../support/oidc/faults.js';

type Row = [name: string, fault: Fault, status: number, message: string, reason: string];

const noUserinfo = [
  502,
  'Failed to retrieve user information from OIDC provider',
  'userinfo_failed',
] as const;
const noEmail = [502, 'OIDC provider did not return an email address', 'device_email_missing'] as const;

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
  t.deepEqual(listSignIns(server), [['authn_login_fail:unknown', 'too_many_sign_ins']]);
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
