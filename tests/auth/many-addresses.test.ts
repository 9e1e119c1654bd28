import test, { type ExecutionContext } from 'ava';
import {
  maxFailuresPerClient,
  maxFailuresPerPair,
  maxFailuresPerPrefix,
} from '../../server/auth/login-attempts.js';
import { presentPrefix } from '../../server/auth/login-prefixes.js';
import { slowLoginMs } from '../../server/auth/slow-logins.js';
import { removeClient } from '../../server/clients/remove-client.js';
import { addClient } from '../support/clients.js';
import { askToken, logIn } from '../support/logins.js';
import { startServer, type TestServer, type TestServerOptions } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

const secret = 'a client secret of good length';
const wrong = 'a wrong client secret';

/** A server that believes `X-Forwarded-For`, with the clients `ci` and `other`, whose secrets it has not cached. */
async function start(t: ExecutionContext, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer(t, { ...options, settings: { TRUST_PROXY: '1', ...options.settings } });
  if (options.database !== undefined) return server;
  await addClient(server, { client_id: 'ci' }, secret);
  await addClient(server, { client_id: 'other' }, secret);
  return server;
}

/** A second server on the same database: it has cached no secret. */
async function restart(t: ExecutionContext, first: TestServer, clock?: TestClock): Promise<TestServer> {
  return start(t, { database: first.deps.connection.db.databaseName, ...(clock && { clock }) });
}

async function from(server: TestServer, address: string, clientId: string, key: string): Promise<number> {
  return (await logIn(server, clientId, key, { 'x-forwarded-for': address })).status;
}

/** The statuses of guesses from one address after the other, and how many there were of each. */
async function guess(server: TestServer, addresses: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const address of addresses) {
    const status = await from(server, address, 'ci', wrong);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const addressesOf = (count: number, present: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => present(n));

/** Guesses until the client is refused on networks that do not know it. */
const lockOut = (server: TestServer) =>
  guess(
    server,
    addressesOf(maxFailuresPerClient, (n) => `198.${n}.100.7`),
  );

test.serial('guesses for one client from many addresses are limited', async (t) => {
  const server = await start(t);
  t.is(maxFailuresPerClient, 100);
  const addresses = addressesOf(130, (n) => `198.${n}.100.7`);
  t.deepEqual(await guess(server, addresses), { 401: 100, 429: 30 });
  t.is(await from(server, '203.0.113.9', 'ci', secret), 429, 'a correct secret from a new network');
  t.is(await from(server, '203.0.113.9', 'other', secret), 200, 'another client');
});

test.serial('guesses for one client from many addresses of one IPv6 network are limited', async (t) => {
  const server = await start(t);
  const addresses = addressesOf(110, (n) => `2001:db8:7:${n.toString(16)}::1`);
  t.deepEqual(await guess(server, addresses), { 401: 100, 429: 10 });
});

test.serial('failures of many clients from one network are limited', async (t) => {
  const server = await start(t);
  await server.deps.loginAttempts.countFailure({ clientId: 'somebody', source: '198.51.100.1' });
  await server.deps.collections.loginFailures.updateOne(
    { key: /^prefix:/ },
    { $inc: { points: maxFailuresPerPrefix - 1 } },
  );
  t.is(await from(server, '198.51.100.200', 'ci', secret), 429);
  t.is(await from(server, '198.51.101.200', 'ci', secret), 200, 'the next network');
});

test.serial(
  'a client is never refused on a network from which it has logged in, only its guesses are slow',
  async (t) => {
    const first = await start(t);
    t.is(await from(first, '192.0.2.1', 'ci', secret), 200);
    const server = await restart(t, first);
    await lockOut(server);
    t.is(await from(server, '198.51.100.7', 'ci', secret), 429);
    const started = performance.now();
    t.is(await from(server, '192.0.2.77', 'ci', wrong), 401);
    t.true(performance.now() - started >= slowLoginMs - 50);
    t.is(await from(server, '192.0.2.77', 'ci', secret), 200);
    t.is(await from(server, '192.0.2.77', 'other', wrong), 401, 'another client is not slow');
  },
);

test.serial('many guesses on a known network at once are answered busy, not run at once', async (t) => {
  const first = await start(t);
  t.is(await from(first, '192.0.2.1', 'ci', secret), 200);
  await lockOut(first);
  const statuses = await Promise.all(
    addressesOf(8, () => '192.0.2.1').map((a) => from(first, a, 'ci', wrong)),
  );
  t.deepEqual(statuses.sort(), [401, 401, 401, 503, 503, 503, 503, 503]);
});

test.serial('guesses from a neighbour do not keep a client out', async (t) => {
  const first = await start(t);
  t.is(await from(first, '192.0.2.1', 'ci', secret), 200);
  const server = await restart(t, first);
  await lockOut(server);
  const guesses = addressesOf(8, () => '192.0.2.66').map((address) => from(server, address, 'ci', wrong));
  t.is(await from(server, '192.0.2.1', 'ci', secret), 200);
  await Promise.all(guesses);
});

test.serial('a client is counted and known under one id, however a login names it', async (t) => {
  const server = await start(t);
  await addClient(server, { client_id: 'a+b' }, secret);
  t.is((await askToken(server, `a+b:${secret}`)).status, 200);
  const origin = { clientId: 'a b', source: '127.0.0.1' };
  t.false(await server.deps.loginPrefixes.isKnown(origin));
  t.true(await server.deps.loginPrefixes.isKnown({ ...origin, readings: ['a+b', 'a b'] }));
  for (const basic of ['a+b:wrong', 'a%2Bb:wrong', 'a%2bb:wr%6fng'])
    t.is((await askToken(server, basic)).status, 401);
  t.is((await logIn(server, 'a+b', wrong)).status, 401);
  const form = { client_id: 'a+b', client_secret: wrong };
  t.is((await askToken(server, undefined, form)).status, 401);
  const counters = await server.deps.collections.loginFailures.find({ key: /^client:/ }).toArray();
  t.deepEqual(
    counters.map(({ points }) => Number(points)),
    [5],
  );
});

test.serial('one noisy host does not lock out its neighbours behind the same address', async (t) => {
  const first = await start(t);
  t.is(await from(first, '192.0.2.1', 'ci', secret), 200);
  t.is(await from(first, '192.0.2.1', 'other', secret), 200);
  const server = await restart(t, first);
  await server.deps.loginAttempts.countFailure({ clientId: 'ci', source: '192.0.2.1' });
  const { loginFailures } = server.deps.collections;
  await loginFailures.updateOne({ key: /^pair:/ }, { $inc: { points: maxFailuresPerPair } });
  await loginFailures.updateOne({ key: /^address:/ }, { $inc: { points: 1000 } });
  t.is(await from(server, '192.0.2.1', 'other', secret), 200);
  t.is(await from(server, '192.0.2.1', 'ci', secret), 200);
  t.is(await from(server, '192.0.2.1', 'nobody', wrong), 429);
});

test.serial('a network is known for 30 days after the last login, and ends with its client', async (t) => {
  const first = await start(t);
  const { loginPrefixes } = first.deps.collections;
  t.is(await from(first, '192.0.2.1', 'ci', secret), 200);
  t.is(await from(first, '192.0.2.9', 'ci', secret), 200);
  t.is(await from(first, '2001:db8:1:2::3', 'ci', secret), 200);
  const stored = await loginPrefixes.find().toArray();
  t.is(stored.length, 2);
  for (const { prefix } of stored) t.regex(prefix, /^[\w-]{43}$/);
  const origin = { clientId: 'ci', source: '192.0.2.1' };
  t.true(await first.deps.loginPrefixes.isKnown(origin));
  const later = new TestClock();
  later.move(31 * 24 * 3600);
  t.false(await (await restart(t, first, later)).deps.loginPrefixes.isKnown(origin));
  await removeClient(first.deps, 'ci');
  t.is(await loginPrefixes.countDocuments(), 0);
});

test('networks are a /24 of IPv4 and a /48 of IPv6', (t) => {
  t.is(presentPrefix('192.0.2.77'), '192.0.2.0/24');
  t.is(presentPrefix('2001:db8:1:2::/64'), '2001:db8:1::/48');
  t.is(presentPrefix('local'), 'local');
});
