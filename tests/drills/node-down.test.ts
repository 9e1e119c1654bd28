import test from 'ava';
import { openCollections } from '../../server/areas.js';
import { digestSecret } from '../../server/auth/client-key-format.js';
import { Host } from '../support/drill.js';
import { MongodReplicaSet } from '../support/mongod-replica-set.js';
import { Operator } from '../support/operator.js';
import { waitUntil, withClient } from '../support/own-mongod.js';
import { passOf, signingKey } from '../support/people.js';
import { Traffic } from '../support/traffic.js';

const key = { id: 'a'.repeat(12), secret: 'b'.repeat(43) };

test('the loss of a secondary affects no request, and the loss of the primary affects requests for at most ten seconds', async (t) => {
  const set = await MongodReplicaSet.start(t);
  const host = new Host(t, { MONGODB_URI: set.uriOf('jobs'), JWT_SIGNING_KEY: signingKey });
  const server = await host.restart(0);
  const digest = digestSecret(key.secret);
  await withClient(set.uriOf('jobs'), async (client) => {
    const { clients, clientKeys } = openCollections(client.db());
    await clients.insertOne({ client_id: 'lab-ci', role: 'contributor' });
    const record = { key_id: key.id, client_id: 'lab-ci', secret_sha256: digest, created_at: new Date() };
    await clientKeys.insertOne(record);
  });
  const [, agentToken = ''] = (passOf('agent-1', 'agent').authorization ?? '').split(' ');
  const traffic = new Traffic(server, { agentToken, clientKey: `qpk_${key.id}_${key.secret}` });
  t.teardown(() => traffic.end());
  await traffic.untilAll(200);

  const primary = await set.findPrimary();
  const secondary = (primary + 1) % set.size;
  await set.kill(secondary);
  for (let round = 0; round < 5; round += 1) await traffic.untilAll(200);
  const failed = () => Object.keys(traffic.counts).filter((count) => count.endsWith(' 503'));
  t.deepEqual(failed(), []);
  await set.restart(secondary);
  await set.untilHealthy();
  t.deepEqual(failed(), []);

  await set.kill(primary);
  await traffic.untilAll(200);
  t.not(await set.findPrimary(), primary);
  // Ten seconds, plus the time that a busy machine takes to send and read.
  t.true(traffic.slowestMs < 12_000, `the slowest took ${traffic.slowestMs} ms`);
  await set.restart(primary);
  await set.untilHealthy();
  await traffic.untilAll(200);
  await traffic.end();
  t.deepEqual(traffic.wrong, []);
  await withClient(set.uriOf('jobs'), async (client) => {
    const stored = new Set(await openCollections(client.db()).jobs.distinct('job_id'));
    t.deepEqual(
      traffic.submitted.filter((jobId) => !stored.has(jobId)),
      [],
    );
  });
  t.is(new Set(traffic.claimed).size, traffic.claimed.length, 'no job was claimed twice');
  t.log(traffic.counts, `slowest ${Math.round(traffic.slowestMs)} ms`);
  const operator = new Operator('recover.md', host.folder, { ADMIN_URI: set.uriOf('admin') });
  // The primary learns from heartbeats that the other members are up, which takes a moment.
  await waitUntil(async () => {
    const status = JSON.parse(await operator.run(`mongosh "$ADMIN_URI" --eval 'rs.status()'`)) as {
      members: { stateStr: string }[];
    };
    const states = status.members.map(({ stateStr }) => stateStr).sort();
    return states.join() === 'PRIMARY,SECONDARY,SECONDARY';
  });
});

test('requests get 503 while two of three nodes are down, and succeed once one of them is back', async (t) => {
  const set = await MongodReplicaSet.start(t);
  const host = new Host(t, { MONGODB_URI: set.uriOf('jobs'), JWT_SIGNING_KEY: signingKey });
  const server = await host.restart(0);
  const statusOf = async (path: string) => (await server.request(path)).status;
  await waitUntil(async () => (await statusOf('/readyz')) === 200);
  const primary = await set.findPrimary();
  const others = [0, 1, 2].filter((n) => n !== primary);
  for (const n of others) await set.kill(n);
  const started = performance.now();
  await waitUntil(async () => (await statusOf('/readyz')) === 503);
  t.is(await statusOf('/livez'), 200);
  t.true(performance.now() - started < 20_000);
  await set.restart(others[0] as number);
  await waitUntil(async () => (await statusOf('/readyz')) === 200);
  t.pass();
});
