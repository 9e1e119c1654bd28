import test, { type ExecutionContext } from 'ava';
import type { Document } from 'mongodb';
import { adoptionTables } from '../../server/areas.js';
import { surveyDatabase } from '../../server/migration/survey.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { DeviceLogin, type DeviceWorld, listSignIns, startDeviceWorld } from '../support/device-flow.js';
import type { Browser } from '../support/oidc/browser.js';
import { readJwt } from '../support/oidc/signing.js';
import { cookieOf } from '../support/sign-in-world.js';
import type { TestServer } from '../support/start-server.js';

/*
 * What a Testflinger server's own tests of sign-in check, and the two servers over one database. The errors of the device flow are
 * in device-flow.test.ts.
 */

/** A login at a Testflinger server on the same database: the client id becomes the present e-mail address. */
async function logInAtPeer({ deps }: TestServer, sub: string, email: string, name = 'At the peer') {
  await deps.connection.db.collection('client_permissions').updateOne(
    { sub },
    {
      $set: { client_id: email, email, name, last_login: new Date() },
      $setOnInsert: { role: 'contributor', max_priority: {}, allowed_queues: [], max_reservation_time: {} },
    },
    { upsert: true },
  );
}

const findRecord = ({ deps }: TestServer, sub: string): Promise<Document | null> =>
  deps.connection.db.collection('client_permissions').findOne({ sub });

/** Returns the client id of a browser's session, or the status. */
async function whoIs(server: TestServer, browser: Browser, from = server): Promise<string | number> {
  const response = await server.request('/v1/session', { headers: cookieOf(browser, from.url) });
  if (response.status !== 200) return response.status;
  return ((await response.json()) as { client_id: string }).client_id;
}

/** A person who has signed in at this server with a browser. */
async function startSignedIn(t: ExecutionContext): Promise<DeviceWorld & { browser: Browser; sub: string }> {
  const world = await startDeviceWorld(t);
  const { browser } = await world.signIn();
  return { ...world, browser, sub: world.issuer.person.sub };
}

test('the login redirects to the provider, and the callback to the home page', async (t) => {
  const { issuer, server, signIn } = await startDeviceWorld(t);
  for (const path of ['/login', '/auth/login']) {
    const { hops, final } = await signIn(undefined, { path });
    t.is(hops[0]?.status, 302);
    t.true(hops[0]?.location?.startsWith(`${issuer.url}/oauth/authorize?`));
    t.is(final.url, `${server.url}/`);
  }
});

test('the first login registers the person with the fields that a Testflinger server reads', async (t) => {
  for (const way of ['browser', 'device']) {
    const { issuer, server, signIn, cli, approved, clock } = await startDeviceWorld(t);
    if (way === 'browser') await signIn();
    else await cli.poll(await approved());
    const { sub, email, name } = issuer.person;
    const { _id, ...record } = (await findRecord(server, sub)) as Document;
    t.deepEqual(record, {
      client_id: email,
      sub,
      iss: issuer.url,
      name,
      email,
      role: 'contributor',
      created_at: clock.now(),
      last_login: clock.now(),
    });
  }
});

test('a later login stores the present name, e-mail address and time, and keeps the client id, role and permissions', async (t) => {
  for (const way of ['browser', 'device']) {
    const { issuer, server, signIn, cli, approved, clock } = await startDeviceWorld(t);
    await signIn();
    const { clients } = server.deps.collections;
    const { sub, email: first } = issuer.person;
    const granted = { role: 'manager', max_priority: { q: 5 }, allowed_queues: ['guarded'] };
    await clients.updateOne({ sub }, { $set: granted });
    const before = (await findRecord(server, sub)) as Document;
    clock.pass(3);
    issuer.person = { sub, name: 'Countess of Lovelace', email: 'countess@example.com' };
    if (way === 'browser') await signIn();
    else await cli.poll(await approved());
    t.deepEqual(await findRecord(server, sub), {
      ...before,
      client_id: first,
      name: 'Countess of Lovelace',
      email: 'countess@example.com',
      last_login: clock.now(),
    });
    t.is(await clients.countDocuments({ sub: { $exists: true } }), 1);
  }
});

test('the security log names each success and each failure, of a browser and of a command line', async (t) => {
  const { issuer, server, signIn, cli, approved } = await startDeviceWorld(t);
  const { email } = issuer.person;
  await signIn();
  await cli.poll(await approved());
  await cli.poll('unknown');
  await server.request('/auth/callback?state=unknown&code=x');
  issuer.person = { ...issuer.person, email_verified: false };
  await signIn();
  await cli.poll(await approved());
  t.deepEqual(
    listSignIns(server).map(([owasp]) => owasp),
    [
      ...[`authn_login_success:${email}`, `authn_login_success:${email}`],
      ...['authn_login_fail:unknown', 'authn_login_fail:unknown'],
      ...[`authn_login_fail:${email}`, `authn_login_fail:${email}`],
    ],
  );
});

test("a Testflinger server's record of a person is adopted, and keeps its permissions and own fields", async (t) => {
  for (const way of ['browser', 'device']) {
    const { issuer, server, signIn, cli, approved, clock } = await startDeviceWorld(t);
    const { sub, email, name } = issuer.person;
    const theirs = {
      client_id: email,
      sub,
      email,
      name: 'As the peer knew her',
      role: 'manager',
      max_priority: { 'lab.queue': 100 },
      allowed_queues: ['guarded'],
      max_reservation_time: { '*': 86_400 },
      last_login: new Date(clock.now().getTime() - 86_400_000),
      'field of the peer': [1],
    };
    const { db } = server.deps.connection;
    await db.collection('client_permissions').insertOne({ ...theirs });
    if (way === 'browser') {
      const { browser } = await signIn();
      t.is(await whoIs(server, browser), email as string);
    } else {
      const { body } = await cli.poll(await approved());
      const { role, max_priority, allowed_queues, max_reservation_time } = theirs;
      const permissions = { role, max_priority, allowed_queues, max_reservation_time };
      t.like(readJwt(String(body.access_token)).payload, { permissions });
    }
    const { _id, ...record } = (await findRecord(server, sub)) as Document;
    t.deepEqual(record, { ...theirs, iss: issuer.url, name, last_login: clock.now() });
  }
});

test("a person whom a Testflinger server registers between our read and our write is that server's record", async (t) => {
  const { issuer, server, cli, approved } = await startDeviceWorld(t);
  const { sub, email } = issuer.person;
  const requestId = await approved();
  const held = { _id: email as string, namespace: 'x', busy_until: new Date(Date.now() + 60_000) };
  await server.deps.collections.endingClients.insertOne(held);
  const answer = cli.poll(requestId);
  await logInAtPeer(server, sub, email as string);
  t.is((await answer).status, 200);
  t.like(await findRecord(server, sub), { iss: issuer.url, max_priority: {} });
});

test("sessions survive that a Testflinger server changes their person's client id, on every process", async (t) => {
  const { server, browser, sub, startAnother, clock, signIn, issuer } = await startSignedIn(t);
  const other = await startAnother({ clock });
  const { browser: second } = await signIn();
  await logInAtPeer(server, sub, 'countess@example.com');
  t.is(await whoIs(other, browser, server), 'countess@example.com');
  t.is(await whoIs(server, browser), 'countess@example.com');
  t.is(await whoIs(server, second), 'countess@example.com');
  const { sessions } = server.deps.collections;
  t.is(await sessions.countDocuments({ client_id: 'countess@example.com' }), 2);
  const listed = await server.request('/v1/sessions', { headers: cookieOf(browser, server.url) });
  t.is(((await listed.json()) as object[]).length, 2);
  issuer.person = { sub, name: 'Back here', email: 'back@example.com' };
  await signIn();
  t.like(await findRecord(server, sub), { client_id: 'countess@example.com', email: 'back@example.com' });
  t.is(await whoIs(server, second), 'countess@example.com');
});

test('a session follows its person when another person has the earlier client id', async (t) => {
  const { server, browser, sub, issuer } = await startSignedIn(t);
  const { email } = issuer.person;
  await logInAtPeer(server, sub, 'countess@example.com');
  await logInAtPeer(server, '4711', email as string);
  t.is(await whoIs(server, browser), 'countess@example.com');
});

test('a session ends with its record, and a later record of its person does not revive it', async (t) => {
  const { server, browser, sub, issuer, clock } = await startSignedIn(t);
  const { clients } = server.deps.collections;
  await clients.deleteMany({ sub });
  t.is(await whoIs(server, browser), 401);
  clock.pass(1);
  const made = { sub, iss: issuer.url, created_at: clock.now() };
  await addClient(server, { client_id: 'new@example.com', ...made });
  t.is(await whoIs(server, browser), 401);
  const strangers = [
    { sub, iss: 'https://another.example' },
    { sub: '9', iss: issuer.url },
    { iss: issuer.url },
  ];
  for (const [i, more] of strangers.entries()) {
    await clients.deleteMany({});
    await addClient(server, { client_id: `${i}@example.com`, ...more });
    t.is(await whoIs(server, browser), 401, JSON.stringify(more));
  }
});

test('a disabled person gets no access by a changed client id', async (t) => {
  for (const disabled of ['ada@example.com', 'countess@example.com']) {
    const { server, browser, sub } = await startSignedIn(t);
    const { disabledClients } = server.deps.collections;
    await disabledClients.insertOne({ _id: disabled } as never);
    await logInAtPeer(server, sub, 'countess@example.com');
    t.is(await whoIs(server, browser), 401, disabled);
  }
});

test('after a change of the client id the command line must log in again', async (t) => {
  const { server, sub, cli, approved } = await startSignedIn(t);
  const { body } = await cli.poll(await approved());
  await logInAtPeer(server, sub, 'countess@example.com');
  const refresh = await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: body.refresh_token }));
  t.is(refresh.status, 400);
  t.like(await refresh.json(), { message: 'Invalid refresh token.' });
  const again = await new DeviceLogin(server).poll(await approved());
  t.like(readJwt(String(again.body.access_token)).payload, {
    permissions: { client_id: 'countess@example.com' },
  });
});

test('doctor names the people whose client id a Testflinger server will change', async (t) => {
  const { server, sub, issuer, signIn } = await startSignedIn(t);
  await addClient(server, { client_id: 'lab-ci', email: 'lab@example.com' }, 'a secret of the lab');
  const survey = async () => {
    const findings = await surveyDatabase(server.deps.connection.db, adoptionTables);
    return findings.find(({ collection }) => collection === 'client_permissions')?.notes;
  };
  t.deepEqual(await survey(), []);
  issuer.person = { sub, email: 'countess@example.com' };
  await signIn();
  t.deepEqual(await survey(), [
    'people whose client id is not their e-mail address; a Testflinger server changes it when they log in there: ada@example.com (countess@example.com)',
  ]);
});

test('a person has no secret, and an admin can grant them permissions by client id', async (t) => {
  const { server, browser, issuer } = await startSignedIn(t);
  const { email } = issuer.person;
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  await addClient(server, { client_id: 'boss', role: 'admin' });
  const put = (body: object) =>
    server.request(`/v1/client-permissions/${email}`, { ...jsonBody(body, admin), method: 'PUT' });
  const refused = await put({ client_secret: 'a secret of the lab' });
  t.is(refused.status, 422);
  t.like(await refused.json(), { message: 'Error: Cannot add email or client secret to OIDC client id' });
  t.is((await put({ role: 'manager' })).status, 200);
  const response = await server.request('/v1/session', { headers: cookieOf(browser, server.url) });
  t.like(await response.json(), { role: 'manager' });
});
