import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { maxFailuresPerAddress, maxFailuresPerPair } from '../../server/auth/login-attempts.js';
import type { LoginOrigin } from '../../server/auth/login-prefixes.js';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient } from '../support/clients.js';
import { askToken, listCommands, logIn, loginFailed } from '../support/logins.js';
import { startServer, type TestServer, type TestServerOptions } from '../support/start-server.js';

const secret = 'a client secret of good length';
const wrong = 'a wrong client secret';
const here = '127.0.0.1';

/** A server with two clients, `ci` and `other`, whose secrets the server has not cached. */
async function startWithClients(t: ExecutionContext, options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer(t, options);
  await addClient(server, { client_id: 'ci' }, secret);
  await addClient(server, { client_id: 'other' }, secret);
  return server;
}

/** Counts failures of a client from an address as if that many logins had failed, without its limit over all addresses. */
async function countFailures({ deps }: TestServer, origin: LoginOrigin, count: number): Promise<void> {
  await deps.loginAttempts.countFailure(origin);
  const filter = { key: /^(pair|address):/ };
  await deps.collections.loginFailures.updateMany(filter, { $inc: { points: count - 1 } });
}

/** Counts failures of an address alone, as if each failure was of another client. */
async function countSpread({ deps }: TestServer, source: string, count: number): Promise<void> {
  await deps.loginAttempts.countFailure({ clientId: 'somebody', source });
  const filter = { key: /^address:/ };
  await deps.collections.loginFailures.updateMany(filter, { $inc: { points: count - 1 } });
}

async function checkBlocked(
  t: ExecutionContext,
  answer: Awaited<ReturnType<typeof logIn>>,
  title?: string,
): Promise<void> {
  const { retryAfter, ...rest } = answer;
  t.deepEqual(
    rest as unknown,
    {
      status: 429,
      type: 'application/json',
      body: '{"message":"Too many attempts","detail":{}}',
      challenge: null,
      caching: 'no-store',
    },
    title,
  );
  const seconds = Number(retryAfter);
  t.true(Number.isInteger(seconds) && seconds > 3000 && seconds <= 3600, `Retry-After: ${retryAfter}`);
}

test.serial(
  'the hundredth failure of a client from one address is the last failure that returns 401',
  async (t) => {
    const server = await startWithClients(t);
    await countFailures(server, { clientId: 'ci', source: here }, maxFailuresPerPair - 2);
    t.is(maxFailuresPerPair, 100);
    t.deepEqual(await logIn(server, 'ci', wrong), loginFailed);
    t.deepEqual(await logIn(server, 'ci', wrong), loginFailed);
    await checkBlocked(t, await logIn(server, 'ci', wrong));
    await checkBlocked(t, await logIn(server, 'ci', secret), 'a correct secret that is not cached');
    await checkBlocked(t, await askToken(server, `ci:${secret}`));
    t.is((await logIn(server, 'other', secret)).status, 200, 'another client is not blocked');
    const refusals = server.logged.filter((line) => line.reason === 'too many attempts');
    t.is(refusals.length, 3);
  },
);

test.serial('the thousandth failure of an address blocks it for every client', async (t) => {
  const server = await startWithClients(t);
  t.is(maxFailuresPerAddress, 1000);
  await countSpread(server, here, maxFailuresPerAddress - 1);
  t.deepEqual(await logIn(server, 'nobody', wrong), loginFailed);
  await checkBlocked(t, await logIn(server, 'nobody', wrong));
  await checkBlocked(t, await logIn(server, 'other', secret));
  const events = server.logged.filter((line) => line.reason === 'too many attempts');
  t.is(events[0]?.source, here);
});

test.serial('a blocked login starts no bcrypt comparison', async (t) => {
  let compares = 0;
  const server = await startWithClients(t, { onCompare: () => void (compares += 1) });
  await countFailures(server, { clientId: 'ci', source: here }, 100);
  await checkBlocked(t, await logIn(server, 'ci', wrong));
  t.is(compares, 0);
});

test.serial(
  'a cached secret and a correct server-made key are never blocked and read no counter',
  async (t) => {
    const server = await startWithClients(t);
    const { client_key: key } = await makeClientKey(server.deps, 'ci');
    t.is((await logIn(server, 'ci', secret)).status, 200);
    await countFailures(server, { clientId: 'ci', source: here }, 100);
    await countSpread(server, here, 900);
    const read = await listCommands(server, 'login_failures', async () => {
      t.is((await logIn(server, 'ci', secret)).status, 200);
      t.is((await logIn(server, 'ci', key)).status, 200);
      t.is((await askToken(server, `ci:${secret}`)).status, 200);
      t.is((await askToken(server, `ci:${key}`)).status, 200);
    });
    t.deepEqual(read, []);
    const other = await listCommands(server, 'login_failures', async () => {
      await checkBlocked(t, await logIn(server, 'other', `${key.slice(0, 17)}${'A'.repeat(43)}`));
    });
    t.is(other.length, 4, 'a wrong key reads every counter');
  },
);

test.serial('successful logins are not counted', async (t) => {
  const server = await startWithClients(t);
  await countFailures(server, { clientId: 'ci', source: here }, 99);
  t.is((await logIn(server, 'ci', secret)).status, 200);
  t.is((await askToken(server, `ci:${secret}`)).status, 200);
  const counters = await server.deps.collections.loginFailures.find().toArray();
  t.deepEqual(
    counters.map(({ points }) => Number(points)).sort((a, b) => a - b),
    [1, 1, 99, 99],
  );
});

test.serial(
  'all servers of a database share the counters, which are stored under digests and kept for an hour',
  async (t) => {
    const first = await startWithClients(t);
    const second = await startServer(t, { database: first.deps.connection.db.databaseName });
    await countFailures(first, { clientId: 'ci', source: here }, 99);
    t.deepEqual(await logIn(second, 'ci', wrong), loginFailed);
    await checkBlocked(t, await logIn(first, 'ci', wrong));
    await checkBlocked(t, await logIn(second, 'ci', wrong));
    const counters = await first.deps.collections.loginFailures.find().toArray();
    t.is(counters.length, 4);
    for (const { key, expire, points, ...rest } of counters) {
      t.regex(String(key), /^(pair|address|client|prefix):[A-Za-z0-9_-]{43}$/);
      t.deepEqual(Object.keys(rest), ['_id']);
      t.is(points, /^(pair|address):/.test(String(key)) ? 100 : 2);
      t.true(Math.abs((expire as Date).getTime() - Date.now() - 3_600_000) < 600_000);
    }
  },
);

test.serial('a counter restarts from zero after an hour', async (t) => {
  const server = await startWithClients(t);
  await countFailures(server, { clientId: 'ci', source: here }, 100);
  await checkBlocked(t, await logIn(server, 'ci', wrong));
  await server.deps.collections.loginFailures.updateMany({}, { $set: { expire: new Date(Date.now() - 1) } });
  t.deepEqual(await logIn(server, 'ci', wrong), loginFailed);
  t.is((await logIn(server, 'ci', secret)).status, 200);
});

/** Returns the `X-Forwarded-For` values that are blocked after 100 failures from `source`. */
async function findBlocked(
  t: ExecutionContext,
  trust: string | undefined,
  source: string,
  forwarded: readonly string[],
): Promise<string[]> {
  const server = await startWithClients(t, trust === undefined ? {} : { settings: { TRUST_PROXY: trust } });
  await countFailures(server, { clientId: 'ci', source }, 100);
  const blocked: string[] = [];
  for (const value of forwarded) {
    const { status } = await logIn(server, 'ci', wrong, { 'x-forwarded-for': value });
    if (status === 429) blocked.push(value);
  }
  await server.stop();
  return blocked;
}

test.serial('without TRUST_PROXY the X-Forwarded-For header is ignored', async (t) => {
  const all = ['192.0.2.1', '198.51.100.7, 192.0.2.1', 'nonsense'];
  t.deepEqual(await findBlocked(t, undefined, here, all), all);
});

test.serial('a hop count trusts that many entries at the end of X-Forwarded-For', async (t) => {
  const tried = ['192.0.2.1', '198.51.100.7, 192.0.2.1', '192.0.2.1, 198.51.100.7', '192.0.2.2'];
  t.deepEqual(await findBlocked(t, '1', '192.0.2.1', tried), tried.slice(0, 2));
  t.deepEqual(await findBlocked(t, '2', '192.0.2.1', tried), ['192.0.2.1', '192.0.2.1, 198.51.100.7']);
});

test.serial(
  'with networks, an entry of X-Forwarded-For is trusted if the previous hop is in one of them',
  async (t) => {
    const trust = '127.0.0.0/8,10.0.0.0/8';
    const tried = [
      '192.0.2.1',
      '192.0.2.1, 10.1.2.3',
      '10.9.9.9, 192.0.2.1, 10.1.2.3',
      '192.0.2.1, 192.0.2.2',
    ];
    t.deepEqual(await findBlocked(t, trust, '192.0.2.1', tried), tried.slice(0, 3));
    t.deepEqual(await findBlocked(t, '10.0.0.0/8', here, ['192.0.2.1']), ['192.0.2.1']);
  },
);

test.serial(
  'an IPv6 address is counted by its /64 network, and an IPv4-mapped address as IPv4',
  async (t) => {
    const tried = [
      '2001:db8:0:1::9',
      '2001:db8:0:1:ffff:ffff:ffff:ffff',
      '2001:db8:0:2::9',
      '2001:DB8:0:1::',
    ];
    const blocked = [tried[0], tried[1], tried[3]];
    t.deepEqual(await findBlocked(t, '1', '2001:db8:0:1::/64', tried), blocked as string[]);
    t.deepEqual(await findBlocked(t, '1', '192.0.2.1', ['::ffff:192.0.2.1']), ['::ffff:192.0.2.1']);
  },
);

test.serial('a burst of wrong secrets cannot exceed the limit of guesses', async (t) => {
  let compares = 0;
  const server = await startWithClients(t, { onCompare: () => void (compares += 1) });
  await countFailures(server, { clientId: 'ci', source: here }, 90);
  const burst = await Promise.all(Array.from({ length: 60 }, () => logIn(server, 'ci', wrong)));
  const statuses = burst.map(({ status }) => status);
  t.true(compares <= 10, `${compares} compares`);
  t.is(statuses.filter((status) => status === 401).length, compares);
  t.true(
    statuses.every((status) => [401, 429, 503].includes(status)),
    statuses.join(' '),
  );
  for (const { status, retryAfter } of burst) if (status === 503) t.is(retryAfter, '1');
  // Logins that were refused because others were in progress are accepted after those end, up to the limit.
  for (let i = compares; i < 10; i += 1) t.deepEqual(await logIn(server, 'ci', wrong), loginFailed);
  await checkBlocked(t, await logIn(server, 'ci', wrong));
  t.is(compares, 10);
});

test.serial('logins in progress count as failures until they end', async (t) => {
  const server = await startWithClients(t);
  const { loginAttempts } = server.deps;
  const origin = { clientId: 'ci', source: here };
  await countFailures(server, origin, 90);
  let entered = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const attempts = Array.from({ length: 30 }, () =>
    loginAttempts.runCounted(origin, async () => {
      entered += 1;
      await gate;
    }),
  );
  const settled = Promise.allSettled(attempts);
  while (entered < 10) await nextTurn();
  open();
  const refusals = (await settled).filter((result) => result.status === 'rejected');
  t.is(entered, 10);
  t.is(refusals.length, 20);
  for (const { reason } of refusals) t.like(reason, { code: 'busy', headers: { 'Retry-After': '1' } });
  // None of them failed, so they no longer count.
  await t.notThrowsAsync(loginAttempts.runCounted(origin, async () => undefined));
});

test.serial(
  'a burst of wrong server-made keys is counted too, and a burst of correct keys is not',
  async (t) => {
    const server = await startWithClients(t);
    const { client_key: key } = await makeClientKey(server.deps, 'ci');
    const guess = `${key.slice(0, 17)}${'A'.repeat(43)}`;
    await countFailures(server, { clientId: 'ci', source: here }, 90);
    const sent = Array.from({ length: 60 }, (_, i) => logIn(server, 'ci', i % 2 ? guess : key));
    const statuses = (await Promise.all(sent)).map(({ status }) => status);
    t.is(statuses.filter((status) => status === 200).length, 30);
    // The correct keys make the network known, so three of the others run slowly.
    t.true(statuses.filter((status) => status === 401).length <= 13, statuses.join(' '));
  },
);
