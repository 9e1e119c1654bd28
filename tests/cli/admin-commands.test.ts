import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { issueRefreshToken } from '../../server/auth/refresh-token.js';
import { jsonBody } from '../support/clients.js';
import { makeFolder } from '../support/own-mongod.js';
import { listProcessesOf } from '../support/processes-of.js';
import { addActor, runQueuepass } from '../support/queuepass.js';
import { grant, startServerProcess } from '../support/server-process.js';
import { startServer, type TestServer, testMongodbUri } from '../support/start-server.js';

/** The settings with which an operator reaches a test server's database. They do not include the signing key. */
function settingsOf(server: TestServer): Record<string, string> {
  const database = server.deps.connection.db.databaseName;
  return { MONGODB_URI: testMongodbUri(), MONGODB_DATABASE: database, BCRYPT_COST: '4' };
}

/** Logs in as the admin and returns the status. */
async function login(server: TestServer, key: string): Promise<number> {
  const headers = { 'client-key': key };
  return (await server.request('/v1/authenticate/token/testflinger-admin', { headers })).status;
}

test.serial('admin reset-key creates the admin, prints its key, and revokes earlier access', async (t) => {
  const server = await startServer(t);
  const environment = settingsOf(server);
  const first = await runQueuepass(['admin', 'reset-key'], { environment });
  t.is(first.status, 0, first.stderr);
  t.regex(first.stdout, /^qpk_[a-z0-9]{12}_[\w-]{43}\n$/);
  t.is(first.stderr, 'The new key of testflinger-admin, which is shown only once:\n');
  t.is(await login(server, first.stdout.trim()), 200);
  const refreshToken = await issueRefreshToken(server.deps, 'testflinger-admin');
  const again = await runQueuepass(['admin', 'reset-key', '--json'], { environment });
  const { client_id: id, client_key: key } = JSON.parse(again.stdout) as Record<string, string>;
  t.is(id, 'testflinger-admin');
  t.is(await login(server, key ?? ''), 200);
  t.is(await login(server, first.stdout.trim()), 401);
  const refresh = await server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: refreshToken }));
  t.is(refresh.status, 400);
  const admin = await server.deps.collections.clients.findOne({ client_id: 'testflinger-admin' });
  const event = { event: 'user_updated', actor_kind: 'operator', target: 'testflinger-admin' };
  t.is(await server.deps.collections.auditEvents.countDocuments(event), 2);
  t.is(admin?.role, 'admin');
});

test.serial('admin set-key sets a key, and every earlier key stops working', async (t) => {
  const server = await startServer(t);
  const environment = settingsOf(server);
  const { key: earlier } = await addActor(server, 'admin', 'other-admin');
  const args = ['admin', 'set-key', '--stdin'];
  const made = await runQueuepass(args, { environment, stdin: 'a first key of the admin\n' });
  t.deepEqual([made.status, made.stdout, made.stderr], [0, 'Admin user created successfully\n', '']);
  t.is(await login(server, 'a first key of the admin'), 200);
  const { stdout: serverMade } = await runQueuepass(['admin', 'reset-key'], { environment });
  t.is(await login(server, 'a first key of the admin'), 401);
  const changed = await runQueuepass(args, { environment, stdin: 'ключ админа' + ' '.repeat(5) + 'x\r\n' });
  t.deepEqual([changed.status, changed.stdout], [0, 'Admin password updated successfully\n']);
  t.is(await login(server, serverMade.trim()), 401);
  const as = { QUEUEPASS_SERVER: server.url, QUEUEPASS_CLIENT_ID: 'testflinger-admin' };
  const key = { QUEUEPASS_CLIENT_KEY: 'ключ админа' + ' '.repeat(5) + 'x' };
  const list = await runQueuepass(['client', 'list'], { environment: { ...as, ...key } });
  t.is(list.status, 0, list.stderr);
  const json = await runQueuepass([...args, '--json'], { environment, stdin: 'x'.repeat(72) });
  t.deepEqual(JSON.parse(json.stdout), { client_id: 'testflinger-admin', outcome: 'updated' });
  t.is(await login(server, 'x'.repeat(72)), 200);
  const other = await server.request('/v1/authenticate/token/other-admin', {
    headers: { 'client-key': earlier },
  });
  t.is(other.status, 200, 'other clients keep their keys');
});

const refused: [what: string, stdin: string | Buffer, status: number, message: RegExp][] = [
  ['an empty input', '', 2, /no key on standard input: queuepass admin set-key --stdin < FILE/],
  ['a key of 14 characters', 'x'.repeat(14), 1, /at least 15 characters/],
  ['a key of 73 bytes', `${'x'.repeat(71)}é`, 1, /at most 72 bytes/],
  ['a key that begins like a server-made key', 'qpk_and some more text', 1, /must not begin with qpk_/],
  ['two lines', 'a first line\na second line\n', 1, /a single line/],
  ['a key that is not valid UTF-8', Buffer.from([...Array(20).fill(0x61), 0xff]), 1, /not valid UTF-8/],
];
for (const [what, stdin, status, message] of refused) {
  test.serial(`admin set-key refuses ${what} before it connects to the database`, async (t) => {
    const environment = { MONGODB_URI: 'mongodb://127.0.0.1:1' };
    const run = await runQueuepass(['admin', 'set-key', '--stdin'], { environment, stdin });
    t.is(run.status, status);
    t.regex(run.stderr, /^queuepass: [^\n]+\n$/);
    t.regex(run.stderr, message);
  });
}

test.serial('admin commands accept the parts of a MongoDB URI and report errors in it', async (t) => {
  const down = { MONGODB_HOST: '127.0.0.1', MONGODB_PORT: '1' };
  const run = await runQueuepass(['admin', 'reset-key'], { environment: down });
  t.is(run.status, 1);
  t.regex(run.stderr, /^queuepass: MongoDB is not reachable \(.*127\.0\.0\.1:1.*\): is it running\?.*\n$/);
  const wrong = { MONGODB_URI: 'http://user:secret@host', BCRYPT_COST: '99', JWT_SIGNING_KEY: 'short' };
  const both = await runQueuepass(['admin', 'reset-key'], { environment: wrong });
  t.is(both.status, 1);
  t.deepEqual(
    both.stderr.split('\n').map((line) => line.split(' ')[1] ?? ''),
    ['BCRYPT_COST', 'MONGODB_URI', ''],
  );
  t.false(both.stderr.includes('secret'));
});

test.serial('admin reset-key creates no file in a directory where no server has run', async (t) => {
  const cwd = makeFolder();
  const run = await runQueuepass(['admin', 'reset-key'], { cwd });
  t.is(run.status, 1);
  t.regex(
    run.stderr,
    /^queuepass: there is no database in \S+\.queuepass: start the server there first.*\n$/,
  );
  t.deepEqual(readdirSync(cwd), []);
});

test.serial(
  'next to the data directory of a first run, commands need no options, and the key can be reset whether the server runs or not',
  async (t) => {
    const server = await startServerProcess(t);
    const { folder: cwd, dataDir } = server;
    const keyFile = join(dataDir, 'admin-key');
    const readKey = () => readFileSync(keyFile, 'utf8').trim();
    const status = async (key: string) => (await grant(server, key)).status;
    const added = await runQueuepass(['client', 'add', 'lab-ci', '--max-priority', 'q1=50'], { cwd });
    t.is(added.status, 0, added.stderr);
    t.is((await grant(server, added.stdout.trim(), 'lab-ci')).status, 200);

    const first = readKey();
    const reset = await runQueuepass(['admin', 'reset-key'], { cwd });
    t.is(reset.stdout, `The new key of testflinger-admin is in ${keyFile}\n`);
    t.is(statSync(keyFile).mode & 0o777, 0o600);
    t.deepEqual([await status(first), await status(readKey())], [401, 200]);
    t.is((await runQueuepass(['client', 'list'], { cwd })).status, 0);
    t.false((reset.stdout + reset.stderr + server.stderr()).includes(readKey()));

    server.kill('SIGTERM');
    await server.exited;
    const down = await runQueuepass(['client', 'list'], { cwd });
    t.is(down.status, 2);
    t.regex(
      down.stderr,
      /^queuepass: no server is named, and no server uses .*: start one with npm start.*\n$/,
    );
    const before = readKey();
    const offline = await runQueuepass(['admin', 'reset-key', '--json'], { cwd });
    t.is(offline.status, 0, offline.stderr);
    t.deepEqual(JSON.parse(offline.stdout), { client_id: 'testflinger-admin', admin_key_file: keyFile });
    t.not(readKey(), before);
    t.deepEqual(await listProcessesOf(dataDir), [], 'the mongod that the command started has ended');

    const next = await startServerProcess(t, { folder: cwd });
    t.deepEqual([(await grant(next, before)).status, (await grant(next, readKey())).status], [401, 200]);
    const stdin = 'a key that a person chose\n';
    const chosen = await runQueuepass(['admin', 'set-key', '--stdin'], { cwd, stdin });
    t.is(chosen.stdout, 'Admin password updated successfully\n');
    t.is(chosen.stderr, `Removed ${keyFile}, which held the earlier key\n`);
    t.false(existsSync(keyFile));
    t.is((await grant(next, 'a key that a person chose')).status, 200);
    t.false((next.stdout() + server.stdout()).includes('a key that a person chose'));
    const keyless = await runQueuepass(['client', 'list'], { cwd });
    t.is(keyless.status, 2);
    t.regex(keyless.stderr, /^queuepass: name a client with --client-id .*admin-key holds no key\n$/);
  },
);
