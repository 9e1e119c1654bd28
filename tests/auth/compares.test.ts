import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, getPriority } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { BcryptPool, type CompareKind, listPaddingCosts, readCost } from '../../server/auth/bcrypt-pool.js';
import { runBcryptTask } from '../../server/auth/bcrypt-task.js';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { ApiError } from '../../server/errors/api-error.js';
import { addClient } from '../support/clients.js';
import { askToken, logIn, loginFailed, makeHash } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { TestClock } from '../support/tokens.js';

const secret = 'a client secret of good length';
type Compare = [kind: CompareKind, cost: number];

/** A server with bcrypt cost 5 and a client whose hash has cost 6. `compares` returns the comparisons since its last call. */
async function startCounting(
  t: ExecutionContext,
): Promise<{ server: TestServer; compares: () => Compare[] }> {
  let seen: Compare[] = [];
  const server = await startServer(t, {
    clock: new TestClock(),
    settings: { BCRYPT_COST: '5' },
    onCompare: (kind, cost) => void seen.push([kind, cost]),
  });
  await addClient(server, { client_id: 'ci', client_secret_hash: await makeHash(secret, 6) });
  await addClient(server, { client_id: 'cheap', client_secret_hash: await makeHash(secret, 4) });
  await addClient(server, { client_id: 'keyless' });
  return {
    server,
    compares: () => {
      const recent = seen;
      seen = [];
      return recent;
    },
  };
}

test.serial(
  'each failed login starts one bcrypt comparison, which takes as long as the dearest stored hash',
  async (t) => {
    const { server, compares } = await startCounting(t);
    const rows: [clientId: string, key: string | undefined, compare: Compare][] = [
      ['ci', 'a wrong client secret', ['record', 6]],
      ['ci', undefined, ['record', 6]],
      ['ci', secret.padEnd(100, 'x'), ['record', 6]],
      ['ci', 'qpk_but no server-made key', ['record', 6]],
      ['cheap', 'a wrong client secret', ['record', 6]],
      ['nobody', secret, ['dummy', 6]],
      ['nobody', undefined, ['dummy', 6]],
      ['nobody', secret.padEnd(100, 'x'), ['dummy', 6]],
      ['keyless', secret, ['dummy', 6]],
      ['keyless', undefined, ['dummy', 6]],
    ];
    for (const [id, key, compare] of rows) {
      t.deepEqual(await logIn(server, id, key), loginFailed);
      t.deepEqual(compares(), [compare], `${id} ${key}`);
      if (key === undefined) continue;
      t.is((await askToken(server, `${id}:${key}`)).status, 401);
      t.deepEqual(compares(), [compare], `${id} ${key}, by Basic`);
    }
  },
);

test.serial('a correct secret takes one bcrypt comparison, and none while it is cached', async (t) => {
  const { server, compares } = await startCounting(t);
  t.is((await logIn(server, 'ci', secret)).status, 200);
  t.deepEqual(compares(), [['record', 6]]);
  t.is((await logIn(server, 'ci', secret)).status, 200);
  t.is((await askToken(server, `ci:${secret}`)).status, 200);
  t.deepEqual(compares(), []);
  t.is((await logIn(server, 'ci', 'a wrong client secret')).status, 401);
  t.deepEqual(compares(), [['record', 6]], 'the cost of the dearest hash is read once a minute');
});

test.serial('a server-made key never takes a bcrypt comparison, whether correct or wrong', async (t) => {
  const { server, compares } = await startCounting(t);
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  const { client_key: expired } = await makeClientKey(server.deps, 'ci', { expires_after: 60 });
  t.is((await logIn(server, 'ci', expired)).status, 200);
  (server.deps.clock as TestClock).move(60);
  const wrong = `${key.slice(0, 17)}${'A'.repeat(43)}`;
  const rows: [title: string, clientId: string, key: string, status: number][] = [
    ['right', 'ci', key, 200],
    ['right again', 'ci', key, 200],
    ['expired', 'ci', expired, 401],
    ['wrong secret', 'ci', wrong, 401],
    ['another client', 'keyless', key, 401],
    ['unknown client', 'nobody', key, 401],
    ['unknown key id', 'ci', `qpk_000000000000_${key.slice(17)}`, 401],
  ];
  for (const [title, id, sent, status] of rows) {
    t.is((await logIn(server, id, sent)).status, status, title);
    t.is((await askToken(server, `${id}:${sent}`)).status, status, title);
  }
  t.deepEqual(compares(), []);
});

/** Counts the promises that were fulfilled, and collects the error codes of the others. */
async function settle(
  promises: readonly Promise<unknown>[],
): Promise<{ fulfilled: number; codes: Set<string> }> {
  const results = await Promise.allSettled(promises);
  const codes = new Set<string>();
  for (const result of results)
    if (result.status === 'rejected') codes.add(result.reason instanceof ApiError ? result.reason.code : '?');
  return { fulfilled: results.filter(({ status }) => status === 'fulfilled').length, codes };
}

test('a wrong secret takes as long as a hash of the dearest cost, whatever the cost of the hash', async (t) => {
  const computed = async (task: Parameters<typeof runBcryptTask>[0]) => {
    const hashes = 'hash' in task ? [task.hash, ...task.padding] : [];
    t.false(await runBcryptTask(task));
    return hashes.reduce((sum, hash) => sum + 2 ** readCost(hash), 0);
  };
  const dummy = await makeHash('nobody knows', 4);
  const ofCost = (cost: number) => dummy.replace('$04$', `$${String(cost).padStart(2, '0')}$`);
  for (const cost of [4, 5, 6, 7]) {
    const padding = listPaddingCosts(cost, 7).map(ofCost);
    t.is(await computed({ secret, hash: ofCost(cost), padding }), 2 ** 7, `cost ${cost}`);
  }
  t.deepEqual(listPaddingCosts(8, 7), [], 'a hash that is dearer than the others');
});

test.serial('unknown and known clients share the bcrypt queue', async (t) => {
  const kinds: CompareKind[] = [];
  const pool = new BcryptPool(4, (kind) => kinds.push(kind));
  t.teardown(() => pool.close());
  const hash = await makeHash(secret, 4);
  const all = Array.from({ length: 400 }, (_, n) => pool.compare('guess', n % 2 ? hash : undefined));
  const outcomes = await Promise.allSettled(all);
  const ranOf = (parity: number) =>
    outcomes.filter(({ status }, n) => n % 2 === parity && status === 'fulfilled').length;
  t.true(Math.abs(ranOf(0) - ranOf(1)) <= 1, `${ranOf(0)} of unknown clients, ${ranOf(1)} of known ones`);
  t.is(kinds.filter((kind) => kind === 'dummy').length, ranOf(0));
});

test.serial('the bcrypt queue holds few dear comparisons, and a broken hash makes none dear', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'broken', client_secret_hash: '$2b$14$no hash at all' });
  t.is(await server.deps.findDearestCost(), 4);
  const pool = new BcryptPool(4);
  const dear = Array.from({ length: 40 }, () => pool.compare('guess', undefined, 13));
  const outcomes = settle(dear);
  await nextTurn();
  const work = availableParallelism() * 2 ** 13 + 64 * 2 ** 10;
  t.true((pool.waiting + availableParallelism()) * 2 ** 13 <= work, `${pool.waiting} wait`);
  await pool.close();
  t.deepEqual((await outcomes).codes.has('busy'), true);
});

test.serial('a full bcrypt queue refuses further comparisons and does not count them', async (t) => {
  let compares = 0;
  const pool = new BcryptPool(4, () => (compares += 1));
  t.teardown(() => pool.close());
  const hash = await makeHash(secret, 4);
  const all = Array.from({ length: 500 }, () => pool.compare('guess', hash));
  const { fulfilled, codes } = await settle(all);
  t.true(fulfilled >= 64 && fulfilled < 200, `${fulfilled} fulfilled`);
  t.is(compares, fulfilled);
  t.deepEqual(codes, new Set(['busy']));
  t.true(await pool.compare(secret, hash));
});

test.serial(
  'while the bcrypt queue is full, logins get 503 with Retry-After and all other requests succeed',
  async (t) => {
    const server = await startServer(t);
    await addClient(server, { client_id: 'ci' }, secret);
    await addClient(server, { client_id: 'remembered' }, secret);
    const { client_key: key } = await makeClientKey(server.deps, 'ci');
    t.is((await logIn(server, 'remembered', secret)).status, 200);
    // Each comparison takes about a second; the server's stop ends them.
    const slow = await makeHash(secret, 4).then((hash) => hash.replace('$04$', '$14$'));
    const filling = settle(Array.from({ length: 300 }, () => server.deps.bcryptPool.compare('guess', slow)));
    const busy = {
      ...loginFailed,
      status: 503,
      type: 'application/json',
      body: '{"message":"Too many logins at the moment, try again","detail":{}}',
      retryAfter: '1',
    };
    t.deepEqual(await logIn(server, 'ci', secret), busy);
    t.deepEqual(await logIn(server, 'nobody', secret), busy);
    t.deepEqual(await askToken(server, `ci:${secret}`), busy);
    const refusals = server.logged.filter(({ code }) => code === 'busy');
    t.is(refusals.length, 3);
    for (const line of refusals) t.is(line.err, undefined);
    t.notRegex(server.logText(), /\bat .*bcrypt-pool/);
    t.is((await logIn(server, 'ci', key)).status, 200, 'a server-made key needs no bcrypt comparison');
    t.is((await logIn(server, 'remembered', secret)).status, 200, 'a cached secret needs none either');
    t.is((await server.request('/v1/')).status, 200);
    t.is(await server.deps.collections.loginFailures.countDocuments(), 0, 'no login is counted as failed');
    await server.stop();
    await filling;
  },
);

test.serial('the server responds to other requests while hashes are computed', async (t) => {
  let dispatched = 0;
  let ended = 0;
  const onCompare = () => void (dispatched += 1);
  const server = await startServer(t, { settings: { BCRYPT_COST: '12' }, onCompare });
  const logins = Array.from({ length: 6 }, async (_, i) => {
    await logIn(server, `nobody-${i}`, secret);
    ended += 1;
  });
  while (dispatched < 6) await nextTurn();
  for (let i = 0; i < 3; i += 1) t.is((await server.request('/v1/')).status, 200);
  t.true(ended < 6, 'the responses came before the hashes were done');
  await Promise.all(logins);
});

test('low-priority threads compute the hashes, one for each core', async (t) => {
  if (process.platform !== 'linux') return t.pass('only Linux shows the priority of threads');
  const own = getPriority();
  const { bcryptPool } = (await startServer(t)).deps;
  await Promise.all(Array.from({ length: 32 }, () => bcryptPool.hash('a secret')));
  const readNiceness = (thread: string) => {
    try {
      return Number(readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ')[16]);
    } catch {
      // The thread has ended meanwhile.
      return NaN;
    }
  };
  const niceness = readdirSync('/proc/self/task').map(readNiceness);
  // The threads of other tests in this process are counted too.
  const expected = Math.max(10, own);
  t.true(niceness.filter((nice) => nice === expected).length >= availableParallelism());
  t.is(readNiceness(String(process.pid)), own);
});
