import test from 'ava';
import { endingDuty } from '../../server/clients/end-client.js';
import { bearer, jsonBody } from '../support/clients.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { claim } from '../support/jobs.js';
import { putSecret, secretsOf, secretsStores, submitWith } from '../support/secrets.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { startVault } from '../support/vault-server.js';

const mongoSettings = { TESTFLINGER_SECRETS_MASTER_KEY: readCsfleVectors().masterKeyText };
const client_secret = 'a client secret of good length';

async function call(server: TestServer, method: string, id: string): Promise<[number, string]> {
  const headers = bearer(server, { client_id: 'boss', role: 'admin' });
  const init = method === 'PUT' ? jsonBody({ client_secret }, headers) : { headers };
  const response = await server.request(`/v1/client-permissions/${id}`, { ...init, method });
  return [response.status, await response.text()];
}

const add = (server: TestServer, id: string) => call(server, 'PUT', id);
const remove = (server: TestServer, id: string) => call(server, 'DELETE', id);
const run = (server: TestServer) => endingDuty.run(server.deps, server.deps.clock.now());

for (const [name, choose] of Object.entries(secretsStores)) {
  test(`${name}: a removed client's secrets are gone, for a new client of its id and of its namespace`, async (t) => {
    const server = await startServer(t, { settings: await choose(t) });
    await add(server, 'vic.tim');
    await add(server, 'other');
    for (const path of ['a', 'a/b', 'deep/er/c']) await putSecret(server, `vic.tim/${path}`, { value: 'x' });
    await putSecret(server, 'other/a', { value: 'kept' });
    t.deepEqual(await remove(server, 'vic.tim'), [200, 'OK']);
    t.is(await server.deps.collections.endingClients.countDocuments(), 0);
    for (const id of ['vic.tim', 'vic_dot_tim']) {
      t.is((await add(server, id))[0], 200, id);
      const headers = bearer(server, { client_id: id });
      const { status, body } = await submitWith(server, { A: 'a', B: 'a/b', C: 'deep/er/c' }, headers);
      t.is(status, 422);
      t.is((body as { message: string }).message, 'Inaccessible secret paths: a, a/b, deep/er/c');
      await putSecret(server, `${id}/a`, { value: 'new' });
      t.is((await submitWith(server, { A: 'a' }, headers)).status, 200);
      t.deepEqual(secretsOf(await claim(server)), { A: 'new' });
      await remove(server, id);
    }
    t.is((await submitWith(server, { A: 'a' }, bearer(server, { client_id: 'other' }))).status, 200);
  });
}

test('while Vault does not answer, the client is gone and its id cannot be used again until the duty has finished', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await add(server, 'vic.tim');
  await putSecret(server, 'vic.tim/a', { value: 'x' });
  for (const status of [503, 403]) {
    vault.fail(status);
    t.deepEqual(status === 503 ? await remove(server, 'vic.tim') : (await run(server), [200, 'OK']), [
      200,
      'OK',
    ]);
    t.is((await call(server, 'GET', 'vic.tim'))[0], 404);
    for (const id of ['vic.tim', 'vic_dot_tim']) {
      t.deepEqual(await add(server, id), [
        409,
        '{"message":"A client of this id, or of its secrets namespace, was removed and its data still exist: try again later","detail":{}}',
      ]);
    }
    t.is((await add(server, `other-${status}`))[0], 200);
  }
  vault.fail(undefined);
  await run(server);
  t.false(vault.entries.has('vic.tim/a'));
  t.is((await add(server, 'vic.tim'))[0], 200);
});

test('a removal that a killed process left over is finished by the duty, and one in progress is left alone', async (t) => {
  const server = await startServer(t, { settings: mongoSettings });
  const { endingClients, clients } = server.deps.collections;
  for (const id of ['killed', 'busy']) {
    await add(server, id);
    await putSecret(server, `${id}/a`, { value: 'x' });
  }
  const now = server.deps.clock.now().getTime();
  await endingClients.insertMany([
    { _id: 'killed', namespace: 'killed', busy_until: new Date(now - 1) },
    { _id: 'busy', namespace: 'busy', busy_until: new Date(now + 60_000) },
  ]);
  await run(server);
  t.deepEqual(
    (await endingClients.find().toArray()).map(({ _id }) => _id),
    ['busy'],
  );
  t.deepEqual(await clients.distinct('client_id'), ['busy']);
  const { db } = server.deps.connection;
  t.is(await db.collection('secrets.killed').countDocuments(), 0);
  t.is(await db.collection('secrets.busy').countDocuments(), 1);
});

test('the secrets of a namespace that another client of an older database shares stay until both are removed', async (t) => {
  const server = await startServer(t, { settings: mongoSettings });
  await add(server, 'vic.tim');
  await server.deps.collections.clients.insertOne({ client_id: 'vic_dot_tim', role: 'contributor' } as never);
  await putSecret(server, 'vic.tim/a', { value: 'x' });
  const secrets = server.deps.connection.db.collection('secrets.vic_dot_tim');
  await remove(server, 'vic.tim');
  t.is(await secrets.countDocuments(), 1);
  await remove(server, 'vic_dot_tim');
  t.is(await secrets.countDocuments(), 0);
});
