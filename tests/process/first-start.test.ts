import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { findPids, makeFolder } from '../support/own-mongod.js';
import { grant, readStartFailure, spawnServer, startServerProcess } from '../support/server-process.js';

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('the first start creates a private directory and private keys and names the key file, and the second keeps everything', async (t) => {
  const first = await startServerProcess(t);
  t.is(modeOf(first.dataDir), 0o700);
  t.is(modeOf(join(first.dataDir, 'signing-key')), 0o600);
  t.is(modeOf(join(first.dataDir, 'admin-key')), 0o600);
  t.true(first.stderr().includes(join(first.dataDir, 'admin-key')));
  t.regex(first.stderr(), /npx queuepass client add lab-ci --max-priority '\*=1' --max-priority q1=50/);
  const key = readFileSync(join(first.dataDir, 'admin-key'), 'utf8').trim();
  const signingKey = readFileSync(join(first.dataDir, 'signing-key'), 'utf8');
  t.true(Buffer.byteLength(signingKey) > 32);
  t.false(first.stderr().includes(key), 'the key itself is not printed');
  t.false(first.stdout().includes(key));
  t.false(first.stderr().includes('Sign in as'), 'a link that signs in is only for a terminal');
  const answer = await grant(first, key);
  t.is(answer.status, 200);
  const authorization = `Bearer ${await answer.text()}`;
  const put = jsonBody({ client_secret: 'a secret of lab-ci', max_priority: { q1: 50 } }, { authorization });
  t.is((await first.request('/v1/client-permissions/lab-ci', { ...put, method: 'PUT' })).status, 200);
  const submitted = await first.request('/v1/job', jsonBody({ job_queue: 'q1' }, { authorization }));
  const { job_id: jobId } = (await submitted.json()) as { job_id: string };
  first.kill('SIGTERM');
  t.deepEqual(await first.exited, { code: 0, signal: null });

  const second = await startServerProcess(t, { folder: first.folder });
  t.false(second.stderr().includes('admin-key'), 'the key file is named only at the first start');
  t.is(readFileSync(join(first.dataDir, 'admin-key'), 'utf8').trim(), key);
  t.is(readFileSync(join(first.dataDir, 'signing-key'), 'utf8'), signingKey);
  t.is((await grant(second, key)).status, 200);
  t.is((await grant(second, 'a secret of lab-ci', 'lab-ci')).status, 200);
  // The access token from before the restart is still valid.
  const job = await second.request(`/v1/job/${jobId}`, { headers: { authorization } });
  t.is(((await job.json()) as { job_id: string }).job_id, jobId);
});

test('a start after one that was interrupted when it had written the admin key uses that key and names its file', async (t) => {
  const folder = makeFolder();
  mkdirSync(join(folder, '.queuepass'));
  const key = `qpk_${'a'.repeat(12)}_${'b'.repeat(43)}`;
  writeFileSync(join(folder, '.queuepass', 'admin-key'), `${key}\n`);
  const server = await startServerProcess(t, { folder });
  t.true(server.stderr().includes(join(server.dataDir, 'admin-key')));
  t.is(modeOf(server.dataDir), 0o700, 'an existing directory becomes private');
  t.is((await grant(server, key)).status, 200);
  t.is((await grant(server, key.replace('_b', '_c'))).status, 401);
});

test('a port in use is reported in one line, and the next successful start still names the admin key', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise((done) => other.once('listening', done));
  const { port } = other.address() as AddressInfo;
  const folder = makeFolder();
  const settings = { PORT: String(port) };
  t.regex(
    await readStartFailure(t, { folder, settings }),
    new RegExp(`^queuepass: 127\\.0\\.0\\.1:${port} is in use.*set PORT`),
  );
  t.deepEqual(await findPids(join(folder, '.queuepass'), 'mongod'), [], 'mongod has ended too');
  const server = await startServerProcess(t, { folder });
  t.true(server.stderr().includes('admin-key'), server.stderr());
});

test('a second server on the same data directory fails with one line, and does not disturb the first', async (t) => {
  const first = await startServerProcess(t);
  const key = readFileSync(join(first.dataDir, 'admin-key'), 'utf8').trim();
  t.regex(
    await readStartFailure(t, { folder: first.folder }),
    /^queuepass: .*\.queuepass is in use by another/,
  );
  t.is((await grant(first, key)).status, 200);
  t.is(readFileSync(join(first.dataDir, 'server-url'), 'utf8').trim(), first.url);
});

test('a file in place of the data directory is reported in one line', async (t) => {
  const folder = makeFolder();
  writeFileSync(join(folder, '.queuepass'), 'mine');
  t.regex(
    await readStartFailure(t, { folder }),
    /^queuepass: The data directory .*\.queuepass cannot be written \(EEXIST\): a file is in its place/,
  );
  t.is(readFileSync(join(folder, '.queuepass'), 'utf8'), 'mine');
});

test('a data directory that cannot be created is reported in one line', async (t) => {
  // No user can create a directory there, not even root.
  const settings = { QUEUEPASS_DATA_DIR: '/sys/queuepass' };
  t.regex(
    await readStartFailure(t, { settings }),
    /^queuepass: The data directory \/sys\/queuepass cannot be written \(\w+\): .*QUEUEPASS_DATA_DIR/,
  );
});

test('data of another MongoDB series is reported in one line, and is not changed', async (t) => {
  const folder = makeFolder();
  mkdirSync(join(folder, '.queuepass'));
  const record = join(folder, '.queuepass', 'mongod.json');
  writeFileSync(record, JSON.stringify({ binary: '/gone/mongod', version: '5.0.1' }));
  t.regex(await readStartFailure(t, { folder }), /^queuepass: .*written by MongoDB 5\.0/);
  t.regex(readFileSync(record, 'utf8'), /5\.0\.1/);
});

test('invalid settings are reported together in one line each, and nothing is created', async (t) => {
  const settings = { PORT: 'x', BCRYPT_COST: '99', JWT_SIGNING_KEY: 'hunter2' };
  const server = spawnServer(t, { settings });
  t.is((await server.exited).code, 1);
  t.regex(
    server.stderr(),
    /^queuepass: PORT .*\nqueuepass: BCRYPT_COST .*\nqueuepass: JWT_SIGNING_KEY is under.*\n$/,
  );
  t.false(server.stderr().includes('hunter2'));
  t.throws(() => statSync(server.dataDir), { code: 'ENOENT' });
  rmSync(server.folder, { recursive: true });
});
