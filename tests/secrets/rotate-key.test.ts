import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Binary, type Document, UUID } from 'mongodb';
import { StartError } from '../../server/errors/start-error.js';
import {
  dataKeyName,
  type KeyVaultRecord,
  openKeyMaterial,
  sealKeyMaterial,
} from '../../server/secrets/data-keys.js';
import { rotateDataKeys } from '../../server/secrets/rotate-data-keys.js';
import { claim } from '../support/jobs.js';
import { makeFolder } from '../support/own-mongod.js';
import { runQueuepass } from '../support/queuepass.js';
import { makeMasterKey, putSecret, secretsOf, startKeyVault, submitWith } from '../support/secrets.js';
import { startServer, type TestServer } from '../support/start-server.js';

const bytes = (key: string) => Buffer.from(key, 'base64');

/** Stores a secret through one server and reads it with a job through another. */
async function storeAndRead(from: TestServer, to: TestServer, value: string): Promise<unknown> {
  await putSecret(from, 'ci/a', { value });
  await submitWith(to, { A: 'a' });
  return secretsOf(await claim(to));
}

test('a rotation affects neither running servers nor secrets, before, during and after it', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const [oldKey, newKey] = [makeMasterKey(), makeMasterKey()];
  const where = { MONGODB_URI: uri };
  const start = (key: string, previous: string[] = []) =>
    startServer(t, {
      settings: {
        ...where,
        TESTFLINGER_SECRETS_MASTER_KEY: key,
        TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS: JSON.stringify(previous),
      },
      database: 'd',
    });
  const [one, two] = [await start(oldKey), await start(oldKey)];
  const prepared = await start(newKey, [oldKey]);
  t.deepEqual(await storeAndRead(one, prepared, '1'), { A: '1' });
  await putSecret(one, 'ci/kept', { value: 'from before' });
  const [before] = await vault.find().toArray();
  const environment = { ...where, TESTFLINGER_SECRETS_MASTER_KEY: oldKey };
  const run = await runQueuepass(['secrets', 'rotate-key'], { environment, stdin: `${newKey}\n` });
  t.deepEqual([run.status, run.stdout], [0, 'Data keys sealed with the new master key: 1 now, 0 before\n']);
  t.false((run.stdout + run.stderr).includes(newKey) || (run.stdout + run.stderr).includes(oldKey));
  const [after] = await vault.find().toArray();
  t.deepEqual({ ...after, keyMaterial: 0, updateDate: 0 }, { ...before, keyMaterial: 0, updateDate: 0 });
  t.deepEqual(
    openKeyMaterial([bytes(newKey)], after?.keyMaterial as Binary),
    openKeyMaterial([bytes(oldKey)], before?.keyMaterial as Binary),
  );
  t.is(openKeyMaterial([bytes(oldKey)], after?.keyMaterial as Binary), undefined);
  t.deepEqual(await storeAndRead(one, two, '2'), { A: '2' });
  t.deepEqual(await storeAndRead(two, prepared, '3'), { A: '3' });
  const fresh = await start(newKey);
  t.deepEqual(await storeAndRead(one, fresh, '4'), { A: '4' });
  await submitWith(fresh, { A: 'kept' });
  t.deepEqual(secretsOf(await claim(fresh)), { A: 'from before' });
  await t.throwsAsync(start(oldKey), { instanceOf: StartError, message: /does not open the data key/ });
});

test('the next run finishes an interrupted rotation, and a further run changes nothing', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const [oldKey, newKey] = [makeMasterKey(), makeMasterKey()];
  const keys = [1, 2, 3].map((fill) => Buffer.alloc(96, fill));
  const now = new Date();
  const made = (material: Binary, names?: string[]): KeyVaultRecord => ({
    _id: new UUID(),
    ...(names && { keyAltNames: names }),
    keyMaterial: material,
    creationDate: now,
    updateDate: now,
    status: 0,
    masterKey: { provider: 'local' },
  });
  const seal = (key: string, i: number) => sealKeyMaterial(bytes(key), keys[i] as Buffer);
  const foreign = made(seal(makeMasterKey(), 2));
  await vault.insertMany([made(seal(newKey, 0)), made(seal(oldKey, 1), [dataKeyName]), foreign]);
  await vault.insertOne({ ...made(seal(oldKey, 1)), masterKey: { provider: 'aws' } });
  const folder = makeFolder();
  writeFileSync(join(folder, 'new key'), newKey);
  const environment = { TESTFLINGER_KEY_VAULT_URI: uri, TESTFLINGER_SECRETS_MASTER_KEY: oldKey };
  const rotate = () =>
    runQueuepass(['secrets', 'rotate-key', '--json', '--new-key-file', join(folder, 'new key')], {
      environment,
    });
  t.deepEqual(JSON.parse((await rotate()).stdout), { rewrapped: 1, already: 1 });
  const left = await vault.find().toArray();
  t.deepEqual(JSON.parse((await rotate()).stdout), { rewrapped: 0, already: 2 });
  t.deepEqual(await vault.find().toArray(), left);
  t.deepEqual(await vault.findOne({ _id: foreign._id }), foreign);
});

test('two rotations at once leave the data key under one of the new keys', async (t) => {
  const { db } = (await startServer(t)).deps.connection;
  const vault = db.collection<KeyVaultRecord>('vault');
  const oldKey = Buffer.alloc(96, 1);
  const dataKey = Buffer.alloc(96, 2);
  for (let round = 0; round < 5; round++) {
    await vault.deleteMany({});
    await vault.insertOne({
      keyAltNames: [dataKeyName],
      keyMaterial: sealKeyMaterial(oldKey, dataKey),
      masterKey: { provider: 'local' },
    } as Document as KeyVaultRecord);
    const newKeys = [Buffer.alloc(96, 3), Buffer.alloc(96, 4)];
    const outcomes = await Promise.all(newKeys.map((newKey) => rotateDataKeys(vault, [oldKey], newKey)));
    t.is(
      outcomes.reduce((sum, { rewrapped }) => sum + rewrapped, 0),
      1,
    );
    const [record] = await vault.find().toArray();
    t.deepEqual(openKeyMaterial(newKeys, record?.keyMaterial as Binary), dataKey);
  }
});

test('a rotation that fails changes nothing and says how to fix the problem', async (t) => {
  const { uri, vault } = await startKeyVault(t);
  const [oldKey, newKey] = [makeMasterKey(), makeMasterKey()];
  const rotate = async (environment: Record<string, string>, stdin = newKey, ...args: string[]) => {
    const run = await runQueuepass(['secrets', 'rotate-key', ...args], { environment, stdin });
    t.is(run.stdout, '');
    return [run.status, run.stderr.trimEnd()];
  };
  const environment = { MONGODB_URI: uri, TESTFLINGER_SECRETS_MASTER_KEY: oldKey };
  const [status, text] = await rotate(environment);
  t.is(status, 1);
  t.regex(String(text), /^queuepass: there is no data key of secrets in this MongoDB[^\n]*$/);
  const server = await startServer(t, { settings: environment, database: 'd' });
  const before = await vault.find().toArray();
  const wrong = await rotate({ ...environment, TESTFLINGER_SECRETS_MASTER_KEY: makeMasterKey() });
  t.is(wrong[0], 1);
  t.regex(
    String(wrong[1]),
    /^queuepass: neither TESTFLINGER_SECRETS_MASTER_KEY nor the new key opens[^\n]*$/,
  );
  t.is((await rotate({ MONGODB_URI: uri }))[0], 2);
  t.is((await rotate(environment, 'too short'))[0], 1);
  t.is((await rotate(environment, ''))[0], 1);
  t.is((await rotate(environment, newKey, newKey))[0], 2, 'a key as an argument');
  t.is((await rotate(environment, newKey, '--new-key-file', '/nowhere/at/all'))[0], 1);
  t.is((await rotate({ ...environment, TESTFLINGER_SECRETS_MASTER_KEY: 'x' }))[0], 1);
  t.deepEqual(await vault.find().toArray(), before);
  t.deepEqual(await storeAndRead(server, server, '1'), { A: '1' });
});
