import test, { type ExecutionContext } from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import type { Browser } from '../support/oidc/browser.js';
import { checkOneRefusal } from '../support/refusals.js';
import { secretsStores } from '../support/secrets.js';
import { statusOf } from '../support/sessions.js';
import { share } from '../support/share-server.js';
import { cookieOf, type SignInWorld, startSignInWorld } from '../support/sign-in-world.js';
import type { TestServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

const shared = share(test, async (owner): Promise<SignInWorld & { another: TestServer }> => {
  const secretsStore = await secretsStores.MongoDB?.(owner);
  const settings = { OIDC_EMAIL_DOMAINS: 'example.com, Lab.Example', ...secretsStore };
  const world = await startSignInWorld(owner, { settings });
  return { ...world, another: await world.startAnother() };
});

const cookieFor = (browser: Browser) => cookieOf(browser, shared().server.url).cookie;

/** Signs a person in, who must succeed. */
async function enter(t: ExecutionContext, sub: string, email: string): Promise<string> {
  const { issuer, server, signIn } = shared();
  issuer.person = { sub, email, name: `Person ${sub}` };
  const { browser, final } = await signIn();
  t.is(final.url, `${server.url}/`, final.text);
  return cookieFor(browser);
}

const clientIdOf = async (cookie: string) => {
  const answer = await shared().server.request('/v1/session', { headers: { cookie } });
  return ((await answer.json()) as { client_id: string }).client_id;
};

test.serial(
  'a new e-mail address of the same person keeps the client id and all that belongs to it',
  async (t) => {
    const { server } = shared();
    const { clients } = server.deps.collections;
    await enter(t, '10', 'before@example.com');
    const granted = { role: 'manager', max_priority: { q1: 7 } };
    await clients.updateOne({ client_id: 'before@example.com' }, { $set: granted });
    const owner = bearer(server, { client_id: 'before@example.com' });
    const path = '/v1/secrets/before@example.com/wifi';
    t.is((await server.request(path, { ...jsonBody({ value: 'v' }, owner), method: 'PUT' })).status, 200);
    const [first] = await clients.find({ sub: '10' }).toArray();

    const cookie = await enter(t, '10', 'after@example.com');

    t.is(await clientIdOf(cookie), 'before@example.com');
    const found = await clients.find({ sub: '10' }).toArray();
    t.is(found.length, 1);
    t.like(found[0], { ...granted, client_id: 'before@example.com', email: 'after@example.com' });
    t.deepEqual(found[0]?.created_at, first?.created_at);
    t.true((found[0]?.last_login as Date) > (first?.last_login as Date));
    t.is(
      (await server.request(path, { headers: owner, method: 'DELETE' })).status,
      200,
      'the secret is there',
    );
  },
);

test.serial('a recycled e-mail address inherits nothing of the earlier person', async (t) => {
  const { server } = shared();
  const { collections: all, connection } = server.deps;
  const email = 'recycled@example.com';
  const old = await enter(t, '20', email);
  const owner = bearer(server, { client_id: email });
  const secretPath = `/v1/secrets/${email}/wifi`;
  const put = { ...jsonBody({ value: 'v' }, owner), method: 'PUT' };
  t.is((await server.request(secretPath, put)).status, 200);
  const readable = () =>
    server.deps.secretsStore?.findReadable(email, ['wifi'], new Date()) ?? Promise.reject();
  t.is((await readable()).size, 1);
  const now = new Date();
  const token = {
    client_id: email,
    refresh_token: 'sha256:0',
    issued_at: now,
    last_accessed: now,
    revoked: false,
  };
  await all.refreshTokens.insertOne(token as never);
  await all.clientKeys.insertOne({
    client_id: email,
    key_id: 'k',
    secret_sha256: 'x',
    created_at: now,
  } as never);
  await all.clients.updateOne({ client_id: email }, { $set: { role: 'admin', max_priority: { '*': 9 } } });
  // The record ends by its TTL index, which runs no code of the server.
  await all.clients.deleteOne({ client_id: email });

  const cookie = await enter(t, '21', email);

  t.is(await clientIdOf(cookie), email);
  t.is(await statusOf(server, old), 401);
  const left: string[] = [];
  for (const { name } of await connection.db.listCollections().toArray()) {
    if (['client_permissions', 'removed_clients'].includes(name)) continue;
    const count = await connection.db.collection(name).countDocuments({ client_id: email });
    if (count > 0) left.push(`${name} ${count}`);
  }
  t.deepEqual(left, ['sessions 1']);
  t.like(await all.clients.findOne({ client_id: email }), { sub: '21', role: 'contributor' });
  t.is((await all.clients.findOne({ client_id: email }))?.max_priority, undefined);
  const remove = { headers: owner, method: 'DELETE' };
  t.is((await server.request(secretPath, remove)).status, 401, 'a token of the earlier person');
  t.is((await readable()).size, 0, 'the secret is gone');
  t.is(await all.endingClients.countDocuments(), 0, 'the lock of the id has ended');
});

const inUse = 'This e-mail address is in use by another client';
const notAllowed = 'E-mail domain not allowed';

/** The people who are refused, and what their page says. */
const refused: Record<string, [message: string, person: Record<string, unknown>]> = {
  'the address of a client with a key': [inUse, { email: 'robot@example.com' }],
  'the client id of another person': [inUse, { email: 'taken@example.com' }],
  'an address that looks like that of another person': [inUse, { email: 'Taken@example.com' }],
  'an address that cannot be a client id': [inUse, { email: 'a/b@example.com' }],
  'an address that was not verified': [
    'E-mail address not verified',
    { email: 'new@example.com', email_verified: false },
  ],
  'a domain that is not allowed': [notAllowed, { email: 'new@example.org' }],
  'a domain below an allowed one': [notAllowed, { email: 'new@x.example.com' }],
  'an allowed domain before the @': [notAllowed, { email: 'example.com@example.org' }],
  'an allowed domain without @': ['The provider did not return an e-mail address', { email: 'example.com' }],
  'the id of the built-in admin': [
    'The provider did not return an e-mail address',
    { email: 'testflinger-admin' },
  ],
  'no address': ['The provider did not return an e-mail address', { email: undefined }],
  'an address that is not a text': ['The provider did not return an e-mail address', { email: { $gt: '' } }],
  'an empty address': ['The provider did not return an e-mail address', { email: '' }],
};

for (const [n, [label, [message, person]]] of Object.entries(refused).entries()) {
  test.serial(`a person with ${label} gets 403, and nothing is written`, async (t) => {
    const { issuer, server, another, signIn } = shared();
    const { clients, sessions } = server.deps.collections;
    if ((await clients.countDocuments({ client_id: 'robot@example.com' })) === 0)
      await addClient(server, { client_id: 'robot@example.com' }, secret);
    await enter(t, '30', 'taken@example.com');
    // Once as a new person, and once as one who had another address before.
    await enter(t, `32${n}`, `known${n}@example.com`);
    const isOfNew = /looks like|cannot be/.test(label);
    for (const sub of [`31${n}`, ...(isOfNew ? [] : [`32${n}`])]) {
      issuer.person = { sub, name: 'X', ...person };
      const before = [await clients.find().toArray(), await sessions.countDocuments()];
      const { result, event } = await checkOneRefusal(t, [server, another], label, () => signIn());
      t.is(result.final.status, 403);
      t.true(result.final.text.includes(message), result.final.text);
      t.is(result.final.headers['set-cookie'], undefined);
      t.is(event.event, 'sign_in');
      t.deepEqual([await clients.find().toArray(), await sessions.countDocuments()], before);
    }
  });
}

test.serial('an allowed domain is compared without case', async (t) => {
  await t.notThrowsAsync(enter(t, '40', 'a@LAB.example'));
});

test.serial('a disabled person is refused, also after the record ended by itself', async (t) => {
  const { server, another, signIn } = shared();
  const { clients } = server.deps.collections;
  const email = 'disabled@example.com';
  await enter(t, '50', email);
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const init = { ...jsonBody({ disabled: true }, admin), method: 'PUT' };
  t.is((await server.request(`/v1/client-permissions/${email}`, init)).status, 200);
  const check = async () => {
    const { result, event } = await checkOneRefusal(t, [server, another], 'disabled', () => signIn());
    t.is(result.final.status, 403);
    t.true(result.final.text.includes('This account is disabled'));
    t.is(event.target, email);
  };
  const before = await clients.findOne({ client_id: email });
  await check();
  t.deepEqual(await clients.findOne({ client_id: email }), before);
  await clients.deleteOne({ client_id: email });
  await check();
  t.is(await clients.countDocuments({ client_id: email }), 0);
});

test.serial('first sign-ins of one person at the same time on two processes make one record', async (t) => {
  const { issuer, server, another, signIn } = shared();
  const { clients, auditEvents } = server.deps.collections;
  for (let round = 0; round < 3; round += 1) {
    const email = `many${round}@example.com`;
    issuer.person = { sub: `60${round}`, email, name: 'Many' };
    const begun = await Promise.all(
      Array.from({ length: 6 }, () => signIn(undefined, { stopBeforeCallback: true })),
    );
    const answers = await Promise.all(
      begun.map(({ browser, callbackUrl }, n) => {
        const { pathname, search } = new URL(callbackUrl);
        return (n % 2 ? another : server).request(pathname + search, {
          headers: { cookie: cookieFor(browser) },
        });
      }),
    );
    t.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get('location')]),
      answers.map(() => [302, '/']),
    );
    t.is(await clients.countDocuments({ sub: `60${round}` }), 1);
    t.is(await auditEvents.countDocuments({ event: 'user_created', target: email }), 1);
    for (const { headers } of answers) {
      const [line = ''] = headers.getSetCookie();
      t.is(await statusOf(server, line.split(';')[0] as string), 200);
    }
  }
});

test.serial(
  'a record of a Testflinger server is adopted by its sub, with its client id and rights',
  async (t) => {
    const { issuer, server } = shared();
    const { clients } = server.deps.collections;
    const record = { client_id: 'peer@example.com', sub: '70', email: 'peer@example.com', role: 'manager' };
    await clients.insertOne({ ...record, max_priority: { q: 3 }, last_login: new Date(0) } as never);
    const cookie = await enter(t, '70', 'peer.new@example.com');
    t.is(await clientIdOf(cookie), 'peer@example.com');
    t.like(await clients.findOne({ sub: '70' }), {
      iss: issuer.url,
      role: 'manager',
      max_priority: { q: 3 },
      email: 'peer.new@example.com',
    });
    t.is(await clients.countDocuments({ sub: '70' }), 1);
    // A record of another issuer is that of another person.
    await clients.updateOne({ sub: '70' }, { $set: { iss: 'https://another.example' } });
    const other = await enter(t, '70', 'third@example.com');
    t.is(await clientIdOf(other), 'third@example.com');
    t.is(await clients.countDocuments({ sub: '70' }), 2);
  },
);

test.serial('the lock of a sign-in whose process ended does not remove the person', async (t) => {
  const { server } = shared();
  const { clients, endingClients } = server.deps.collections;
  const email = 'locked@example.com';
  await enter(t, '80', email);
  const lock = { _id: email, namespace: email, busy_until: new Date(0), making: true as const };
  await endingClients.insertOne(lock);
  const { endingDuty } = await import('../../server/clients/end-client.js');
  await endingDuty.run(server.deps, new Date());
  t.is(await clients.countDocuments({ client_id: email }), 1);
  t.is(await endingClients.countDocuments({ _id: email }), 0);
});

test.serial('MongoDB removes people after 90 days without a sign-in, and only them', async (t) => {
  const { server } = shared();
  const { clients, loginAttempts, deviceCodes } = server.deps.collections;
  const find = async (collection: { indexes(): Promise<{ name?: string }[]> }, name: string) =>
    (await collection.indexes()).find((index) => index.name === name);
  t.like(await find(clients, 'qp_last_login'), {
    key: { last_login: 1 },
    expireAfterSeconds: 90 * 24 * 3600,
    partialFilterExpression: { sub: { $exists: true } },
  });
  t.like(await find(clients, 'qp_person'), { key: { sub: 1, iss: 1 }, unique: true });
  for (const collection of [loginAttempts, deviceCodes])
    t.like(await find(collection, 'qp_expiry'), { key: { expires_at: 1 }, expireAfterSeconds: 0 });
});

test.serial('a new client of a person whose record ended by itself inherits nothing', async (t) => {
  const { server } = shared();
  const { collections, secretsStore } = server.deps;
  const email = 'gone@example.com';
  const cookie = await enter(t, '90', email);
  const owner = bearer(server, { client_id: email });
  const put = { ...jsonBody({ value: 'v' }, owner), method: 'PUT' };
  t.is((await server.request(`/v1/secrets/${email}/wifi`, put)).status, 200);
  // As the TTL removes it.
  await collections.clients.deleteOne({ client_id: email });
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const body = { ...jsonBody({ client_secret: secret }, admin), method: 'PUT' };
  t.is((await server.request(`/v1/client-permissions/${email}`, body)).status, 200);
  t.deepEqual(await secretsStore?.findReadable(email, ['wifi'], new Date()), new Set());
  t.is(await collections.sessions.countDocuments({ client_id: email }), 0);
  t.is(await statusOf(server, cookie), 401);
});

test.serial(
  'a disabled person stays disabled under a client id that a Testflinger server changed',
  async (t) => {
    const { server, signIn, issuer } = shared();
    const { clients } = server.deps.collections;
    await enter(t, '91', 'first@example.com');
    const admin = bearer(server, { client_id: 'boss', role: 'admin' });
    const set = (id: string, disabled: boolean) =>
      server.request(`/v1/client-permissions/${id}`, { ...jsonBody({ disabled }, admin), method: 'PUT' });
    t.is((await set('first@example.com', true)).status, 200);
    await clients.updateOne({ sub: '91' }, { $set: { client_id: 'second@example.com' } });
    t.is((await signIn()).final.status, 403);
    await clients.deleteOne({ sub: '91' });
    issuer.person = { sub: '91', email: 'third@example.com', name: 'Third' };
    t.is((await signIn()).final.status, 403, 'nor by staying away');
    await clients.insertOne({ client_id: 'second@example.com', sub: '91', iss: issuer.url });
    t.is((await set('second@example.com', false)).status, 200);
    await enter(t, '91', 'second@example.com');
  },
);

test.serial('requests that make one new client at once take no key away that was handed out', async (t) => {
  const { server } = shared();
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  for (let n = 0; n < 5; n += 1) {
    const id = `many-${n}@example.com`;
    const path = `/v1/client-permissions/${id}?generate_key=true`;
    const put = () => server.request(path, { ...jsonBody({}, admin), method: 'PUT' });
    const answers = await Promise.all(Array.from({ length: 5 }, put));
    t.true(answers.every(({ status }) => [200, 409].includes(status)));
    const made = answers.filter(({ status }) => status === 200);
    t.true(made.length > 0);
    for (const answer of made) {
      const { client_key: key } = (await answer.json()) as { client_key: string };
      const login = await server.request(`/v1/authenticate/token/${id}`, { headers: { 'client-key': key } });
      t.is(login.status, 200);
    }
  }
});
