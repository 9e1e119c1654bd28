import { randomBytes } from 'node:crypto';
import test from 'ava';
import { MongoClient } from 'mongodb';
import { adoptionTables } from '../../server/areas.js';
import { adoptAtStart } from '../../server/migration/adopt-at-start.js';
import { StockAgent } from '../actors/stock-agent.js';
import { StockCli } from '../actors/stock-cli.js';
import { bearer } from '../support/clients.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { buildPeerDatabase } from '../support/peer-database.js';
import { startKeyVault } from '../support/secrets.js';
import { startServer, testMongodbUri } from '../support/start-server.js';

test('stock clients continue to work on the database of a Testflinger server', async (t) => {
  const client = new MongoClient(testMongodbUri());
  const db = client.db(`test_${randomBytes(8).toString('hex')}`);
  t.teardown(async () => {
    if (t.passed) await db.dropDatabase();
    await client.close();
  });
  const peer = await buildPeerDatabase(db);
  // The older document of a job that was submitted twice still waits, as on a Testflinger server.
  await db
    .collection('jobs')
    .updateOne(
      { job_id: peer.doubleId, 'result_data.job_state': 'complete' },
      { $set: { result_data: { job_state: 'waiting' } } },
    );
  const { uri, vault } = await startKeyVault(t);
  const vectors = readCsfleVectors();
  await vault.insertOne(vectors.keyVaultDocument as never);
  const expire_at = new Date(Date.now() + 60_000);
  const sealed = vectors.secrets.map(({ key, value }) => ({ key, value, updated_at: new Date(), expire_at }));
  await db.collection('secrets.lab-ci').insertMany(sealed);
  const server = await startServer(t, {
    database: db.databaseName,
    settings: { TESTFLINGER_SECRETS_MASTER_KEY: vectors.masterKeyText, TESTFLINGER_KEY_VAULT_URI: uri },
  });
  await adoptAtStart(server.deps, adoptionTables);

  const cli = new StockCli({ url: server.url, clientId: 'lab-ci', clientKey: peer.clientSecret });
  await cli.start();
  const agent = new StockAgent({
    url: server.url,
    name: 'agent-of-the-peer',
    queues: ['lab.queue'],
    refreshToken: peer.refreshToken,
  });
  await agent.start();

  t.like(await cli.poll(peer.waitingId), { state: 'waiting', position: 1 });
  t.deepEqual(await cli.poll(peer.completeId), { state: 'complete', output: 'first\nsecond\n', next: 2 });
  const complete = (await cli.session.call('GET', `/v1/result/${peer.completeId}`)).json();
  t.like(complete, { job_state: 'complete', test_status: 0, device_info: { 'a.b': 1 } });
  const artifact = await cli.session.call('GET', `/v1/result/${peer.completeId}/artifact`);
  t.is(artifact.text, 'an artifact of the peer');

  const urgent = await cli.submit({ job_queue: 'lab.queue', job_priority: 100 });
  const taken = [];
  for (let job = await agent.poll(); job; job = await agent.poll()) {
    taken.push(job.job_id);
    await agent.run(job);
  }
  t.deepEqual(taken, [urgent, peer.waitingId, peer.doubleId]);
  t.is((await cli.poll(peer.doubleId)).state, 'complete');
  t.is(await cli.cancel(peer.runningId), 200);

  const [{ key, plaintext } = { key: '', plaintext: '' }] = vectors.secrets;
  const secret = await cli.submit({ job_queue: 'lab.queue', test_data: { secrets: { TOKEN: key } } });
  t.like(await agent.poll(), { job_id: secret, test_data: { secrets: { TOKEN: plaintext } } });

  const self = (await agent.session.call('GET', '/v1/agents/data/agent-of-the-peer')).json();
  t.like(self, { provision_streak_type: 'pass', restricted_to: {} });
  const admin = bearer(server, { role: 'admin' });
  const waits = await server.request('/v1/queues/wait_times?queue=lab.queue', { headers: admin });
  t.deepEqual(Object.keys(((await waits.json()) as Record<string, object>)['lab.queue'] ?? {}), [
    '5',
    '10',
    '50',
    '90',
    '95',
  ]);
  const restricted = await server.request('/v1/restricted-queues', { headers: admin });
  t.deepEqual(await restricted.json(), [{ queue: 'guarded', owners: ['lab-ci'] }]);
});
