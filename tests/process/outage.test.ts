import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openCollections } from '../../server/areas.js';
import { signAccessToken } from '../../server/auth/access-token.js';
import { digestSecret } from '../../server/auth/client-key-format.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { type EmbeddedMongod, embeddedMongodUri } from '../../server/mongod/embedded-mongod.js';
import { findPids, makeFolder, startOwnMongod, waitUntil, withClient } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';
import { Traffic } from '../support/traffic.js';

const signingKey = 'a signing key for outages, long enough for HS256';
const key = { id: 'a'.repeat(12), secret: 'b'.repeat(43) };

/** Makes an external MongoDB that a test can stop and start. */
function makeMongo(t: ExecutionContext) {
  const dataDir = join(makeFolder(), 'mongo');
  let mongod: EmbeddedMongod | undefined;
  const signal = async (name: NodeJS.Signals) => {
    for (const pid of await findPids(dataDir, 'mongod')) process.kill(pid, name);
  };
  return {
    uri: embeddedMongodUri(dataDir).replace('/?', '/outage?'),
    async start() {
      mongod = await startOwnMongod(t, dataDir, process.env, 20_000);
      t.teardown(() => signal('SIGCONT'));
    },
    stop: async () => mongod?.stop(),
    signal,
  };
}

function makeAgentToken(): string {
  const signer = { signingKeys: readSigningKeys(signingKey), clock: { now: () => new Date() } };
  return signAccessToken(signer, { client_id: 'agents', role: 'agent' });
}

test('a server survives a missing, a killed and an unresponsive MongoDB without one wrong response', async (t) => {
  t.timeout(280_000);
  const mongo = makeMongo(t);
  // 1. The server starts while MongoDB is down.
  // Few connections, so that requests have to wait for one too.
  const settings = { MONGODB_URI: mongo.uri, JWT_SIGNING_KEY: signingKey, MONGODB_MAX_POOL_SIZE: '4' };
  const server = await startServerProcess(t, { settings });
  const statusOf = async (path: string) => (await server.request(path)).status;
  t.is(await statusOf('/livez'), 200);
  t.is(await statusOf('/readyz'), 503);
  await mongo.start();
  await waitUntil(async () => (await statusOf('/readyz')) === 200);
  await withClient(mongo.uri, async (client) => {
    const { clients, clientKeys, jobs } = openCollections(client.db());
    await waitUntil(async () =>
      (await jobs.indexes().catch(() => [])).some(({ name }) => name === 'qp_waiting'),
    );
    t.is(await clients.countDocuments(), 0, 'no client is created');
    await clients.insertOne({ client_id: 'lab-ci', role: 'contributor' });
    const digest = digestSecret(key.secret);
    await clientKeys.insertOne({
      key_id: key.id,
      client_id: 'lab-ci',
      secret_sha256: digest,
      created_at: new Date(),
    });
  });
  t.false(existsSync(server.dataDir), 'no data directory is created');

  const traffic = new Traffic(server, {
    agentToken: makeAgentToken(),
    clientKey: `qpk_${key.id}_${key.secret}`,
  });
  await traffic.untilAll(200);
  await wait(1000);
  // 2. MongoDB is stopped and started.
  await mongo.stop();
  await traffic.untilAll(503);
  await mongo.start();
  await traffic.untilAll(200);
  await wait(1000);
  // 3. MongoDB is killed, and restarted automatically.
  await mongo.signal('SIGKILL');
  await traffic.untilAll(200);
  await wait(1000);
  // 4. MongoDB accepts connections and does not respond.
  await mongo.signal('SIGSTOP');
  await traffic.untilAll(503);
  await mongo.signal('SIGCONT');
  await traffic.untilAll(200);
  await wait(1000);
  await traffic.end();

  const internal = server
    .stdout()
    .split('\n')
    .filter((line) => line.includes('Internal Server Error'));
  t.deepEqual(traffic.wrong, [], internal.join('\n'));
  t.true(traffic.slowestMs < 12_000, `the slowest response took ${traffic.slowestMs} ms`);
  t.is(new Set(traffic.claimed).size, traffic.claimed.length, 'no job was claimed twice');
  await withClient(mongo.uri, async (client) => {
    const { jobs } = openCollections(client.db());
    const stored = await jobs.distinct('job_id');
    const missing = traffic.submitted.filter((jobId) => !stored.includes(jobId));
    t.deepEqual(missing, [], 'every acknowledged job is stored');
    const taken = await jobs.distinct('job_id', { 'result_data.job_state': 'running' });
    const returned = traffic.claimed.filter((jobId) => !taken.includes(jobId));
    t.deepEqual(returned, [], 'every claim with a response is stored');
    t.log(
      `${taken.length - traffic.claimed.length} of ${taken.length} claims were stored without a response`,
    );
  });
  t.log(traffic.counts, `slowest ${Math.round(traffic.slowestMs)} ms`);
});

test('SIGTERM stops the server even while MongoDB does not respond', async (t) => {
  const mongo = makeMongo(t);
  await mongo.start();
  const settings = { MONGODB_URI: mongo.uri, JWT_SIGNING_KEY: signingKey, DRAIN_SECONDS: '1' };
  const server = await startServerProcess(t, { settings });
  t.is((await server.request('/readyz')).status, 200);
  await mongo.signal('SIGSTOP');
  const asked = server.request('/readyz').catch(() => undefined);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
  await asked;
});
