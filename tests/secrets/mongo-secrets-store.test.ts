import test from 'ava';
import { Binary, BSON, type Document, UUID } from 'mongodb';
import { pino } from 'pino';
import { readConfig } from '../../server/areas.js';
import { sealValue } from '../../server/crypto/sealed-value.js';
import { StartError } from '../../server/errors/start-error.js';
import {
  DataKeys,
  dataKeyName,
  type KeyVaultRecord,
  sealKeyMaterial,
} from '../../server/secrets/data-keys.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { claim } from '../support/jobs.js';
import { makeMasterKey, putSecret, secretsOf, startKeyVault, submitWith } from '../support/secrets.js';
import { spawnServer, startServerProcess } from '../support/server-process.js';
import { startServer, testMongodbUri, testSigningKey } from '../support/start-server.js';

const quiet = pino({ level: 'silent' });
const { masterKey, masterKeyText } = readCsfleVectors();
const settings = { TESTFLINGER_SECRETS_MASTER_KEY: masterKeyText };

test('secrets that a Testflinger server stored are readable, and its data key encrypts new ones', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const vectors = readCsfleVectors();
  await vault.insertOne(vectors.keyVaultDocument as KeyVaultRecord);
  const server = await startServer(t, { settings: { ...settings, TESTFLINGER_KEY_VAULT_URI: uri } });
  const secrets = server.deps.connection.db.collection('secrets.ci_at_lab_dot_org');
  const expireAt = new Date(Date.now() + 60_000);
  await secrets.insertMany(
    vectors.secrets.map(({ key, value }) => ({ key, value, updated_at: new Date(), expire_at: expireAt })),
  );
  const ci = {
    authorization: (await import('../support/clients.js')).bearer(server, { client_id: 'ci@lab.org' })
      .authorization,
  };
  t.is((await putSecret(server, 'ci@lab.org/ours', { value: 'ours' })).status, 200);
  const named = { A: 'api/token', B: 'empty', C: 'pem', D: 'ours' };
  t.is((await submitWith(server, named, ci)).status, 200);
  const [a, b, c] = vectors.secrets.map(({ plaintext }) => plaintext);
  t.deepEqual(secretsOf(await claim(server)), { A: a, B: b, C: c, D: 'ours' });
  const ours = await secrets.findOne({ key: 'ours' });
  t.deepEqual(Buffer.from((ours?.value as Binary).value()).subarray(1, 17), vectors.dataKey.id);
  t.is(await vault.countDocuments(), 1);
});

test('a secret is stored with the fields of a Testflinger server, with its value encrypted, and nowhere in plain text', async (t) => {
  const server = await startServer(t, { settings });
  const { db } = server.deps.connection;
  const value = 'nowhere in clear';
  await putSecret(server, 'a.b@c$d/once', { value, ephemeral: true });
  await putSecret(server, 'a.b@c$d/long', { value, expire_after: 60 });
  const stored = (await db
    .collection('secrets.a_dot_b_at_c_dollar_d')
    .find()
    .sort({ key: 1 })
    .toArray()) as Document[];
  const [long, once] = stored;
  for (const record of stored) {
    t.deepEqual(Object.keys(record), ['_id', 'key', 'ephemeral', 'expire_at', 'updated_at', 'value']);
    t.is((record.value as Binary).sub_type, 6);
    t.true(record.updated_at instanceof Date);
  }
  t.like(once, { key: 'once', ephemeral: true, expire_at: null });
  t.like(long, { key: 'long', ephemeral: false });
  t.true(Math.abs((long?.expire_at as Date).getTime() - Date.now() - 60_000) < 30_000);
  await submitWith(server, { A: 'once' });
  for (const { name } of await db.listCollections().toArray()) {
    for (const document of await db.collection(name).find().toArray()) {
      t.false(Buffer.from(BSON.serialize(document)).includes(value), name);
    }
  }
});

test('indexes are created with the first secret, and indexes of a Testflinger server are used or stay compatible', async (t) => {
  const server = await startServer(t, { settings });
  const { db } = server.deps.connection;
  const names = async (collection: string) =>
    (await db.collection(collection).indexes()).map(({ name }) => name);
  await putSecret(server, 'ours/a', { value: 'x' });
  t.deepEqual(await names('secrets.ours'), ['_id_', 'qp_key', 'qp_expiry']);
  const expiry = (await db.collection('secrets.ours').indexes()).find(({ name }) => name === 'qp_expiry');
  t.like(expiry, { key: { expire_at: 1 }, expireAfterSeconds: 0 });
  // As a Testflinger server would at its next start.
  await db.collection('secrets.ours').createIndex({ key: 1 }, { unique: true });
  await db.collection('secrets.ours').createIndex({ expire_at: 1 }, { expireAfterSeconds: 0 });
  await db.collection('secrets.theirs').createIndex({ key: 1 }, { unique: true });
  await db.collection('secrets.theirs').createIndex({ expire_at: 1 }, { expireAfterSeconds: 0 });
  await putSecret(server, 'theirs/a', { value: 'x' });
  t.deepEqual(await names('secrets.theirs'), ['_id_', 'key_1', 'expire_at_1']);
  await db.collection('secrets.doubles').insertMany([{ key: 'a' }, { key: 'a' }]);
  t.is((await putSecret(server, 'doubles/b', { value: 'x' })).status, 200);
  t.deepEqual(await names('secrets.doubles'), ['_id_', 'qp_expiry']);
  const plan = await db
    .collection('secrets.ours')
    .find({ key: 'a' })
    .hint('qp_key')
    .explain('executionStats');
  t.is((plan as Document).executionStats.totalDocsExamined, 1);
});

test('a value that was changed or whose data key is missing is not readable, and the log says why', async (t) => {
  const server = await startServer(t, { settings });
  await putSecret(server, 'ci/a', { value: 'x' });
  await putSecret(server, 'ci/b', { value: 'x', ephemeral: true });
  await submitWith(server, { A: 'a', B: 'b' });
  const secrets = server.deps.connection.db.collection('secrets.ci');
  const { value } = (await secrets.findOne({ key: 'a' })) as Document;
  const bytes = Buffer.from((value as Binary).value());
  bytes[60] = (bytes[60] ?? 0) ^ 1;
  await secrets.updateOne({ key: 'a' }, { $set: { value: new Binary(bytes, 6) } });
  const other = sealValue({ id: Buffer.alloc(16, 7), key: Buffer.alloc(96, 1) }, 'x');
  await secrets.updateOne({ key: 'b' }, { $set: { value: other } });
  t.deepEqual(secretsOf(await claim(server)), { A: '', B: '' });
  t.true(server.logText().includes('its data key is not in the key vault'));
  t.is(
    await secrets.countDocuments({ key: 'b' }),
    1,
    'the secret is kept, since its key may become available',
  );
});

test('servers that start at once on an empty key vault create one data key', async (t) => {
  const { db } = (await startServer(t)).deps.connection;
  for (let round = 0; round < 5; round++) {
    const vault = db.collection<KeyVaultRecord>(`vault ${round}`);
    const servers = Array.from({ length: 8 }, () => new DataKeys(vault, [masterKey], quiet));
    const keys = await Promise.all(servers.map((dataKeys) => dataKeys.getCurrent()));
    t.is(new Set(keys.map(({ id, key }) => `${id.toString('hex')} ${key.toString('hex')}`)).size, 1);
    t.is(await vault.countDocuments(), 1);
  }
  const [record] = await db.collection('vault 0').find().toArray();
  t.like(record, { keyAltNames: [dataKeyName], status: 0, masterKey: { provider: 'local' } });
  t.is((record?._id as unknown as Binary).sub_type, 4);
  t.is((record?.keyMaterial as Binary).length(), 160);
});

test('two processes that start at once share their secrets', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const process = { ...settings, MONGODB_URI: uri, JWT_SIGNING_KEY: testSigningKey, LOG_LEVEL: 'warn' };
  await Promise.all([1, 2].map(() => startServerProcess(t, { settings: process })));
  t.is(await vault.countDocuments(), 1);
  const [one, two] = await Promise.all(
    [1, 2].map(() => startServer(t, { settings: { ...settings, MONGODB_URI: uri }, database: 'd' })),
  );
  if (one === undefined || two === undefined) return t.fail();
  await putSecret(one, 'ci/a', { value: 'of one' });
  await submitWith(two, { A: 'a' });
  t.deepEqual(secretsOf(await claim(two)), { A: 'of one' });
});

test('a data key with another id is read from the vault when a value names it', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const server = await startServer(t, { settings: { ...settings, TESTFLINGER_KEY_VAULT_URI: uri } });
  const later = { id: Buffer.from(new UUID().buffer), key: Buffer.alloc(96, 5) };
  const now = new Date();
  const record = { creationDate: now, updateDate: now, status: 0, masterKey: { provider: 'local' } };
  const made = (id: Buffer, material: Binary) => ({
    ...record,
    _id: new Binary(id, 4),
    keyMaterial: material,
  });
  await vault.insertOne(made(later.id, sealKeyMaterial(masterKey, later.key)));
  const secrets = server.deps.connection.db.collection('secrets.ci');
  await secrets.insertOne({ key: 'a', value: sealValue(later, 'under the later key') });
  await submitWith(server, { A: 'a' });
  t.deepEqual(secretsOf(await claim(server)), { A: 'under the later key' });
  const foreign = { id: Buffer.from(new UUID().buffer), key: Buffer.alloc(96, 6) };
  await vault.insertOne(made(foreign.id, sealKeyMaterial(Buffer.alloc(96, 9), foreign.key)));
  await secrets.insertOne({ key: 'b', value: sealValue(foreign, 'x') });
  t.is((await submitWith(server, { B: 'b' })).status, 422);
  t.true(server.logText().includes('no configured master key opens its data key'));
});

test('after the key vault was emptied a new data key encrypts new values', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const server = await startServer(t, { settings: { ...settings, TESTFLINGER_KEY_VAULT_URI: uri } });
  const [first] = await vault.find().toArray();
  await vault.deleteMany();
  await putSecret(server, 'ci/a', { value: 'x' });
  const [second] = await vault.find().toArray();
  t.notDeepEqual(second?._id, first?._id);
  const other = await startServer(t, {
    settings: { ...settings, TESTFLINGER_KEY_VAULT_URI: uri },
    database: server.deps.connection.db.databaseName,
  });
  await submitWith(other, { A: 'a' });
  t.deepEqual(secretsOf(await claim(other)), { A: 'x' });
});

test('a master key that does not decrypt the data key ends the start with one line', async (t) => {
  const { uri } = await startKeyVault(t);
  const base = { MONGODB_URI: uri, JWT_SIGNING_KEY: testSigningKey };
  await startServerProcess(t, { settings: { ...base, ...settings } });
  const other = { ...base, TESTFLINGER_SECRETS_MASTER_KEY: makeMasterKey() };
  const refused = spawnServer(t, { settings: other });
  t.is((await refused.exited).code, 1);
  t.regex(refused.stderr(), /^queuepass: TESTFLINGER_SECRETS_MASTER_KEY does not open the data key[^\n]*\n$/);
  const { TESTFLINGER_SECRETS_MASTER_KEY: key } = other;
  await t.throwsAsync(
    startServer(t, { settings: { MONGODB_URI: uri, TESTFLINGER_SECRETS_MASTER_KEY: key } }),
    {
      instanceOf: StartError,
    },
  );
  t.false(refused.stderr().includes(key));
});

test('a master key is base64 of 96 bytes, line breaks in it are ignored, and no error contains it', (t) => {
  const read = (given: Record<string, string>) =>
    readConfig({ MONGODB_URI: testMongodbUri(), JWT_SIGNING_KEY: testSigningKey, ...given });
  const wrapped = masterKeyText.replaceAll(/(.{64})/g, '$1\n');
  t.deepEqual(read({ TESTFLINGER_SECRETS_MASTER_KEY: `${wrapped}\n` }).secretsMasterKey, masterKey);
  const short = Buffer.alloc(95, 'x').toString('base64');
  for (const wrong of [
    short,
    'secret text',
    `${masterKeyText}AAAA`,
    masterKeyText.slice(1),
    `-${masterKeyText.slice(1)}`,
  ]) {
    const error = t.throws(() => read({ TESTFLINGER_SECRETS_MASTER_KEY: wrong }));
    t.regex(error.message, /TESTFLINGER_SECRETS_MASTER_KEY must be base64 of 96 bytes; make one with/);
    t.false(error.message.includes(wrong));
    const previous = t.throws(() =>
      read({ TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS: JSON.stringify([wrong]) }),
    );
    t.regex(previous.message, /PREVIOUS_MASTER_KEYS must be a JSON array of master keys/);
  }
  t.regex(
    t.throws(() => read({ TESTFLINGER_KEY_VAULT_URI: 'http://x' })).message,
    /KEY_VAULT_URI must begin with mongodb:/,
  );
});
