/*
 * Measures the times of failed and successful logins, to show that all failures have the same distribution: the time does
 * not reveal which client exists or has a hash. Run it with `npx tsx tests/bench/login-times.ts [rounds]`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { addClient } from '../support/clients.js';
import { logIn, makeHash } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';

const rounds = Number(process.argv[2] ?? 60);
const secret = 'a client secret of good length';

interface Login {
  title: string;
  clientId: string;
  /** `undefined` sends no header. */
  key: string | undefined;
  status: number;
}

const folder = await mkdtemp(join(tmpdir(), 'qp-bench-'));
const teardowns: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
try {
  const mongod = await startEmbeddedMongod({
    dataDir: folder,
    environment: process.env,
    report: () => undefined,
    onFailed: (error) => console.error(error.message),
  });
  teardowns.push(() => mongod.stop());
  process.env.QUEUEPASS_TEST_MONGODB_URI = mongod.uri;
  const lifetime = { passed: true, teardown: (end: () => unknown) => void teardowns.push(end) };
  const server = await startServer(lifetime as unknown as ExecutionContext, {
    settings: { BCRYPT_COST: '10' },
  });
  printTimes(await measure(server, await prepareLogins(server)));
} finally {
  for (const end of teardowns.reverse()) await end();
}

async function prepareLogins(server: TestServer): Promise<Login[]> {
  await addClient(server, { client_id: 'ci' }, secret);
  await addClient(server, { client_id: 'cheap', client_secret_hash: await makeHash(secret, 8) });
  await addClient(server, { client_id: 'dear', client_secret_hash: await makeHash(secret, 11) });
  await addClient(server, { client_id: 'keyless' });
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  const wrong = `${key.slice(0, 17)}${'A'.repeat(43)}`;
  return [
    { title: 'unknown client', clientId: 'nobody', key: secret, status: 401 },
    { title: 'wrong key', clientId: 'ci', key: 'a wrong client secret', status: 401 },
    { title: 'wrong key, hash of cost 8', clientId: 'cheap', key: 'a wrong client secret', status: 401 },
    { title: 'wrong key, hash of cost 11', clientId: 'dear', key: 'a wrong client secret', status: 401 },
    { title: 'client without hash', clientId: 'keyless', key: secret, status: 401 },
    { title: 'missing header', clientId: 'ci', key: undefined, status: 401 },
    { title: 'over-long key', clientId: 'ci', key: secret.padEnd(100, 'x'), status: 401 },
    { title: 'server-made key, wrong', clientId: 'ci', key: wrong, status: 401 },
    { title: 'server-made key, correct', clientId: 'ci', key, status: 200 },
  ];
}

/** Measures milliseconds by title. The logins take turns, so that other work on the machine affects all of them equally. */
async function measure(server: TestServer, logins: readonly Login[]): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>(logins.map(({ title }) => [title, []]));
  for (let round = -3; round < rounds; round += 1) {
    for (const { title, clientId, key, status } of logins) {
      const started = performance.now();
      const answer = await logIn(server, clientId, key);
      const ms = performance.now() - started;
      if (answer.status !== status) throw new Error(`${title}: ${answer.status} ${answer.body}`);
      if (round >= 0) times.get(title)?.push(ms);
    }
    // Without this, the server would block further failures.
    await server.deps.collections.loginFailures.deleteMany({});
  }
  return times;
}

function printTimes(times: ReadonlyMap<string, readonly number[]>): void {
  console.log(`milliseconds, ${rounds} logins each, bcrypt cost 10`);
  console.log(['login'.padEnd(24), 'min', 'p50', 'p95'].join('\t'));
  for (const [title, unsorted] of times) {
    const sorted = [...unsorted].sort((a, b) => a - b);
    const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    console.log([title.padEnd(24), at(0), at(0.5), at(0.95)].join('\t'));
  }
}
