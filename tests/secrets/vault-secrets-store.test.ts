import test from 'ava';
import { readConfig } from '../../server/areas.js';
import { StartError } from '../../server/errors/start-error.js';
import { bearer } from '../support/clients.js';
import { claim } from '../support/jobs.js';
import { deleteSecret, makeMasterKey, putSecret, secretsOf, submitWith } from '../support/secrets.js';
import { spawnServer } from '../support/server-process.js';
import { startServer, testMongodbUri, testSigningKey } from '../support/start-server.js';
import { startVault } from '../support/vault-server.js';

const unavailable = { message: 'The secrets store is not available, try again', detail: {} };
const failed = { message: 'Internal Server Error', detail: {} };

test('a secret is stored in the field value of secret/<client id>/<path>, in a single version', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await putSecret(server, 'ci@lab.org/api/token', { value: 'first', expire_after: 90 });
  await putSecret(server, 'ci@lab.org/api/token', { value: 'x', ephemeral: true });
  const [lookup, metadata, data, reset, again] = vault.requests;
  t.is(lookup, 'GET auth/token/lookup-self');
  t.is(metadata, 'POST secret/metadata/ci@lab.org/api/token {"max_versions":1,"delete_version_after":"90s"}');
  t.regex(
    data ?? '',
    /^POST secret\/data\/ci@lab\.org\/api\/token \{"data":\{"value":"first","expires_at":"[\d-]+T[\d:.]+Z"\}\}$/,
  );
  t.true(reset?.endsWith('{"max_versions":1,"delete_version_after":"0s"}'));
  t.is(again, 'POST secret/data/ci@lab.org/api/token {"data":{"value":"x","ephemeral":true}}');
  t.deepEqual([...(vault.entries.get('ci@lab.org/api/token')?.versions.keys() ?? [])], [2]);
  const ci = bearer(server, { client_id: 'ci@lab.org' });
  await submitWith(server, { A: 'api/token' }, ci);
  t.deepEqual(secretsOf(await claim(server)), { A: 'x' });
  t.false(
    JSON.stringify([...(vault.entries.get('ci@lab.org/api/token')?.versions.values() ?? [])]).includes('"x"'),
  );
  await deleteSecret(server, 'ci@lab.org/api/token', ci);
  t.is(vault.entries.size, 0);
});

test('secrets that other programs stored are read in their newest version, but not if it is deleted or destroyed', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  const past = '2026-01-01T00:00:00.000000000Z';
  const entry = (...versions: object[]) => ({
    versions: new Map(versions.map((version, i) => [i + 1, version as { data: null }])),
    current: versions.length,
    maxVersions: 0,
    deleteAfter: '0s',
  });
  const value = (text: string) => ({ data: { value: text } });
  vault.entries.set('ci/old', entry(value('1'), value('2')));
  vault.entries.set('ci/deleted', entry(value('1'), { ...value('2'), deletedAt: past }));
  vault.entries.set('ci/destroyed', entry(value('1'), { data: null, destroyed: true }));
  vault.entries.set('ci/number', entry({ data: { value: 5 } }));
  vault.entries.set('ci/once', entry(value('1'), { data: { value: '2', ephemeral: true } }));
  const named = { A: 'deleted', B: 'destroyed', C: 'number', D: 'old' };
  const { body } = await submitWith(server, named);
  t.is((body as { message: string }).message, 'Inaccessible secret paths: deleted, destroyed, number');
  await submitWith(server, { A: 'old', B: 'once' });
  t.deepEqual(secretsOf(await claim(server)), { A: '2', B: '2' });
  t.deepEqual(vault.entries.get('ci/once')?.versions.get(2), { data: null, destroyed: true });
});

test('while Vault is not available every route returns 503, and a claimed job returns to its place in the queue', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await putSecret(server, 'ci/a', { value: 'x' });
  await submitWith(server, { A: 'a' });
  const ends: (() => unknown)[] = [() => vault.fail(503), () => vault.fail(429), () => vault.fail(undefined)];
  ends[2] = () => vault.stop();
  for (const end of ends) {
    await end();
    t.deepEqual(await putSecret(server, 'ci/a', { value: 'y' }), { status: 503, body: unavailable });
    t.deepEqual(await submitWith(server, { A: 'a' }), { status: 503, body: unavailable });
    const answer = await deleteSecret(server, 'ci/a');
    t.deepEqual(
      { ...answer, body: JSON.parse(answer.body as string) as unknown },
      { status: 503, body: unavailable },
    );
    await t.throwsAsync(claim(server), { message: `claim: 503 ${JSON.stringify(unavailable)}` });
    const [job] = await server.deps.collections.jobs.find().toArray();
    t.is(job?.result_data.job_state, 'waiting');
    t.is(job?.lease?.holder, undefined);
    if (end === ends[1]) {
      vault.fail(undefined);
      t.deepEqual(secretsOf(await claim(server)), { A: 'x' });
      await submitWith(server, { A: 'a' });
      await server.deps.collections.jobs.deleteMany({ 'result_data.job_state': 'running' });
    }
  }
});

test('a permanent error of Vault causes 500, and a claimed job gets an empty secret', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await putSecret(server, 'ci/a', { value: 'the value' });
  await submitWith(server, { A: 'a' });
  for (const status of [403, 500, 405, 307]) {
    vault.fail(status);
    t.deepEqual(await putSecret(server, 'ci/a', { value: 'y' }), { status: 500, body: failed });
    t.deepEqual(await submitWith(server, { A: 'a' }), { status: 500, body: failed });
    t.is((await deleteSecret(server, 'ci/a')).status, 500);
  }
  t.deepEqual(secretsOf(await claim(server)), { A: '' });
  t.true(server.logText().includes('a secret could not be read'));
  t.true(server.logText().includes('Vault returned 403 for POST metadata'));
  t.false(server.logText().includes(vault.token));
});

test('a client id that Vault would read as the path of another client has no secrets', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await putSecret(server, 'ci/b/c', { value: 'x' });
  const before = vault.requests.length;
  const odd = bearer(server, { client_id: 'ci/b' });
  t.is((await putSecret(server, 'ci%2Fb/c', { value: 'y' }, odd)).status, 500);
  t.is((await submitWith(server, { A: 'c' }, odd)).status, 500);
  t.is(vault.requests.length, before);
});

test('an invalid path is never requested from Vault, neither by a submit nor by a claim', async (t) => {
  const vault = await startVault(t);
  const server = await startServer(t, { settings: vault.settings });
  await putSecret(server, 'ci/a', { value: 'x' });
  await submitWith(server, { A: 'a' });
  const before = vault.requests.length;
  const { status } = await submitWith(server, { A: '/a', B: 'a/', C: 'b//a', D: '//' });
  t.is(status, 422);
  const odd = { A: '../other/a', B: '/a', C: 'a?version=1', D: 5 };
  await server.deps.collections.jobs.updateOne({}, { $set: { 'job_data.test_data.secrets': odd } });
  t.deepEqual(secretsOf(await claim(server)), { A: '', B: '', C: '', D: '' });
  t.is(vault.requests.length, before);
});

test('Vault takes precedence over MongoDB when both are set', async (t) => {
  const vault = await startVault(t);
  const both = { ...vault.settings, TESTFLINGER_SECRETS_MASTER_KEY: makeMasterKey() };
  const server = await startServer(t, { settings: both });
  await putSecret(server, 'ci/a', { value: 'x' });
  t.true(vault.entries.has('ci/a'));
  t.deepEqual(await server.deps.connection.db.listCollections({ name: /^secrets/ }).toArray(), []);
});

test('a Vault that cannot be used ends the start with one clear line', async (t) => {
  const vault = await startVault(t);
  const start = (settings: Record<string, string>) => startServer(t, { settings });
  const where = `the Vault of TESTFLINGER_VAULT_URL (${vault.url})`;
  const refused = { ...vault.settings, TESTFLINGER_VAULT_TOKEN: 'another' };
  await t.throwsAsync(start(refused), {
    instanceOf: StartError,
    message: `${where} rejects TESTFLINGER_VAULT_TOKEN`,
  });
  vault.fail(503);
  const sealed = `${where} cannot be used: Vault returned 503 for GET auth/token`;
  await t.throwsAsync(start(vault.settings), { instanceOf: StartError, message: sealed });
  await vault.stop();
  const base = { MONGODB_URI: testMongodbUri(), MONGODB_DATABASE: 'unused', JWT_SIGNING_KEY: testSigningKey };
  const process = spawnServer(t, { settings: { ...base, ...vault.settings } });
  t.is((await process.exited).code, 1);
  t.regex(
    process.stderr(),
    /^queuepass: the Vault of TESTFLINGER_VAULT_URL \(http:\S+\) cannot be used: [^\n]*ECONNREFUSED[^\n]*\n$/,
  );
});

test('a Vault URL without a token, or an invalid Vault URL, is an invalid setting', (t) => {
  const read = (given: Record<string, string>) => () =>
    readConfig({ MONGODB_URI: testMongodbUri(), JWT_SIGNING_KEY: testSigningKey, ...given });
  const url = 'https://vault.example:8200';
  t.regex(
    t.throws(read({ TESTFLINGER_VAULT_URL: url })).message,
    /TESTFLINGER_VAULT_TOKEN is missing, while TESTFLINGER_VAULT_URL is given/,
  );
  for (const wrong of ['vault', 'ftp://vault', 'https://user:pw@vault', 'https://vault/?a=1']) {
    const error = t.throws(read({ TESTFLINGER_VAULT_URL: wrong, TESTFLINGER_VAULT_TOKEN: 'x' }));
    t.regex(error.message, /TESTFLINGER_VAULT_URL must be an address such as/);
  }
  t.notThrows(read({ TESTFLINGER_VAULT_URL: url, TESTFLINGER_VAULT_TOKEN: 'x' }));
});
