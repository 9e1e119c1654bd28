import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { DataInUseError, StartError, WrongSeriesError } from '../../server/errors/start-error.js';
import { embeddedMongodUri } from '../../server/mongod/embedded-mongod.js';
import { embeddedSocketPath } from '../../server/mongod/mongod-socket.js';
import {
  findPids,
  makeFolder,
  readKept,
  startMongodChild,
  startOwnMongod,
  waitUntil,
  withClient,
  writeKept,
} from '../support/own-mongod.js';
import { listProcessesOf } from '../support/processes-of.js';

test.serial(
  'data, transactions and change streams work, only this user can access the files, and the data survives a restart',
  async (t) => {
    const dataDir = join(makeFolder(), 'data');
    const first = await startOwnMongod(t, dataDir);
    t.is(first.uri, embeddedMongodUri(dataDir));
    await withClient(first.uri, async (client) => {
      const kept = client.db('test').collection<{ _id: string }>('kept');
      const changes = kept.watch();
      // The first read opens the stream, which returns only later changes.
      t.is(await changes.tryNext(), null);
      const change = changes.next();
      await client.withSession((session) =>
        session.withTransaction(() => kept.insertOne({ _id: 'one' }, { session })),
      );
      t.is((await change).operationType, 'insert');
      await changes.close();
    });
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    t.deepEqual([dataDir, join(dataDir, 'db'), join(dataDir, 'mongod.sock')].map(mode), [
      '700',
      '700',
      '600',
    ]);
    await first.stop();
    t.deepEqual(await listProcessesOf(dataDir), []);
    const second = await startOwnMongod(t, dataDir);
    t.deepEqual(await readKept(second.uri), ['one']);
    await second.stop();
    t.deepEqual(readdirSync(dataDir).sort(), [
      'db',
      'mongod.json',
      'mongod.lock',
      'mongod.log',
      'mongod.log.1',
    ]);
  },
);

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip;
onLinux('mongod listens on one Unix socket and on no port', async (t) => {
  const dataDir = makeFolder();
  const mongod = await startOwnMongod(t, dataDir);
  const [pid] = await findPids(dataDir, 'mongod');
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => readLinkOf(`/proc/${pid}/fd/${fd}`));
  const sockets = links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  const rows = (table: string): string[][] =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/));
  const tcp = [...rows('tcp'), ...rows('tcp6')].filter((row) => sockets.includes(row[9] ?? ''));
  const named = rows('unix').filter((row) => sockets.includes(row[6] ?? '') && row[7] !== undefined);
  const listening = named.filter((row) => row[3] === '00010000').map((row) => row[7]);
  await mongod.stop();
  t.deepEqual(tcp, []);
  t.deepEqual(listening, [join(dataDir, 'mongod.sock')]);
});

test.serial(
  'kill -9 of the parent process also ends mongod, and an immediate restart has every acknowledged write',
  async (t) => {
    const dataDir = makeFolder();
    const { child, exited } = await startMongodChild(t, dataDir);
    for (const id of ['one', 'two']) await writeKept(embeddedMongodUri(dataDir), id);
    const before = await findPids(dataDir, 'mongod');
    t.is(before.length, 1);
    child.kill('SIGKILL');
    await exited;
    const next = await startOwnMongod(t, dataDir, process.env, 10_000);
    t.deepEqual(await readKept(next.uri), ['one', 'two']);
    t.notDeepEqual(await findPids(dataDir, 'mongod'), before);
    await next.stop();
  },
);

test.serial('kill -9 of the parent leaves no process behind, not even a stopped mongod', async (t) => {
  const dataDir = makeFolder();
  const { child, exited } = await startMongodChild(t, dataDir);
  const [pid = 0] = await findPids(dataDir, 'mongod');
  process.kill(pid, 'SIGSTOP');
  child.kill('SIGKILL');
  await exited;
  await waitUntil(async () => (await listProcessesOf(dataDir)).length === 0);
  t.pass();
});

test.serial('Ctrl-C does not stop mongod', async (t) => {
  const dataDir = makeFolder();
  const { child, said, exited } = await startMongodChild(t, dataDir);
  const before = await findPids(dataDir, 'mongod');
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await said('interrupted');
  await writeKept(embeddedMongodUri(dataDir), 'after');
  t.deepEqual(await findPids(dataDir, 'mongod'), before);
  child.kill('SIGTERM');
  t.is(await exited, 0);
  t.deepEqual(await listProcessesOf(dataDir), []);
});

test.serial(
  'a second start on the same data directory waits, fails with a one-line error, and does not affect the first',
  async (t) => {
    const dataDir = makeFolder();
    const first = await startOwnMongod(t, dataDir);
    const log = readFileSync(join(dataDir, 'mongod.log'), 'utf8').slice(0, 1000);
    const error = await t.throwsAsync(startOwnMongod(t, dataDir), { instanceOf: DataInUseError });
    t.regex(error.message, /in use by another Queuepass/);
    t.false(error.message.includes('\n'));
    await writeKept(first.uri, 'still served');
    t.true(readFileSync(join(dataDir, 'mongod.log'), 'utf8').startsWith(log), 'its log is not rotated');
    await first.stop();
  },
);

onLinux('a second start does not affect a running mongod whose socket file was deleted', async (t) => {
  const dataDir = makeFolder();
  await startOwnMongod(t, dataDir);
  rmSync(join(dataDir, 'mongod.sock'));
  await t.throwsAsync(startOwnMongod(t, dataDir), { instanceOf: DataInUseError });
  t.false(readdirSync(dataDir).includes('mongod.log.1'), 'its log is not rotated');
});

test.serial('of two simultaneous starts one serves and the other waits for it and fails', async (t) => {
  const dataDir = makeFolder();
  const results = await Promise.allSettled([startOwnMongod(t, dataDir), startOwnMongod(t, dataDir)]);
  const served = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  t.is(served.length, 1);
  await writeKept(served[0]?.uri ?? '', 'one');
  await served[0]?.stop();
});

test.serial('a mongod on a moved data directory becomes primary again, with its data', async (t) => {
  const folder = makeFolder();
  const before = await startOwnMongod(t, join(folder, 'before'));
  await writeKept(before.uri, 'one');
  await before.stop();
  renameSync(join(folder, 'before'), join(folder, 'after'));
  const after = await startOwnMongod(t, join(folder, 'after'));
  await writeKept(after.uri, 'two');
  t.deepEqual(await readKept(after.uri), ['one', 'two']);
  await after.stop();
});

test.serial(
  'a data directory whose path is unusable for a socket gets a short socket path that only this user can access and any process can find',
  async (t) => {
    for (const name of ['x'.repeat(120), 'with space, comma:1']) {
      const dataDir = join(makeFolder(), name);
      const mongod = await startOwnMongod(t, dataDir);
      const socketPath = embeddedSocketPath(dataDir);
      t.true(Buffer.byteLength(socketPath) <= 107 && !socketPath.startsWith(dataDir));
      t.is(mongod.uri, embeddedMongodUri(dataDir));
      t.is(statSync(dirname(socketPath)).mode & 0o777, 0o700);
      await writeKept(mongod.uri, 'one');
      await mongod.stop();
      t.throws(() => statSync(dirname(socketPath)), { code: 'ENOENT' });
    }
  },
);

test.serial('a socket directory that is a symbolic link is refused', async (t) => {
  const dataDir = join(makeFolder(), 'x'.repeat(120));
  mkdirSync(dataDir);
  symlinkSync(makeFolder(), dirname(embeddedSocketPath(dataDir)));
  await t.throwsAsync(startOwnMongod(t, dataDir), {
    instanceOf: StartError,
    message: /is a link or belongs to another user/,
  });
});

test.serial('a mongod that dies is restarted three times with its data, and not a fourth time', async (t) => {
  const dataDir = makeFolder();
  const mongod = await startOwnMongod(t, dataDir);
  for (let death = 1; death <= 3; death += 1) {
    await killMongod(dataDir, 'mongod');
    await waitUntil(() => mongod.lines.includes(`starting MongoDB again (${death} of 3)`));
    await writeKept(mongod.uri, `after ${death}`);
  }
  t.deepEqual(await readKept(mongod.uri), ['after 1', 'after 2', 'after 3']);
  await killMongod(dataDir, 'mongod');
  t.regex((await mongod.gone).message, /could not be kept running.*signal/);
  await mongod.stop();
  t.deepEqual(await listProcessesOf(dataDir), []);
});

test.serial('if only the watcher is killed, mongod is restarted with a new watcher', async (t) => {
  const dataDir = makeFolder();
  const mongod = await startOwnMongod(t, dataDir);
  const before = await findPids(dataDir, 'mongod');
  await killMongod(dataDir, 'watcher');
  await waitUntil(() => mongod.lines.includes('starting MongoDB again (1 of 3)'));
  await writeKept(mongod.uri, 'one');
  const after = await findPids(dataDir, 'mongod');
  t.is(after.length, 1);
  t.notDeepEqual(after, before);
  await mongod.stop();
  t.deepEqual(await listProcessesOf(dataDir), []);
});

test.serial('a data directory that cannot be created is reported in one line', async (t) => {
  const file = join(makeFolder(), 'file');
  writeFileSync(file, '');
  const error = await t.throwsAsync(startOwnMongod(t, join(file, 'data')), { instanceOf: StartError });
  t.regex(error.message, /^The data directory .*\/file\/data cannot be written: .*$/);
});

const failures = [
  {
    of: 'data of another series',
    exit: 62,
    log: 'Wrong featureCompatibilityVersion',
    message: /another series.*Wrong feature/,
  },
  {
    of: 'a full disk',
    exit: 14,
    log: 'write: No space left on device',
    message: /no space left on the disk.*write: No space/,
  },
  { of: 'anything else', exit: 3, log: 'Something odd', message: /exit code 3.*Something odd.*mongod\.log/ },
];
for (const { of, exit, log, message } of failures) {
  test.serial(`a mongod that exits because of ${of} is reported in one line with its error`, async (t) => {
    const folder = makeFolder();
    const line = JSON.stringify({ s: 'F', msg: 'Error during start', attr: { error: log } });
    const binary = join(folder, 'mongod');
    writeFileSync(binary, FAILING_MONGOD.replace('LINE', line).replace('EXIT', String(exit)));
    chmodSync(binary, 0o755);
    const start = startOwnMongod(t, join(folder, 'data'), {
      ...process.env,
      MONGOMS_SYSTEM_BINARY: binary,
    });
    const error = await t.throwsAsync(start, {
      instanceOf: exit === 62 ? WrongSeriesError : StartError,
      message,
    });
    t.false(error.message.includes('\n'));
  });
}

// A test can neither fill a disk nor use another series. This script exits as mongod does in those cases.
const FAILING_MONGOD = `#!/bin/sh
[ "$1" = --version ] && { echo 'db version v6.0.9'; exit; }
while [ $# -gt 1 ]; do [ "$1" = --logpath ] && log=$2; shift; done
echo 'LINE' > "$log"
exit EXIT
`;

async function killMongod(dataDir: string, which: 'mongod' | 'watcher'): Promise<void> {
  await waitUntil(async () => (await findPids(dataDir, which)).length === 1);
  for (const pid of await findPids(dataDir, which)) process.kill(pid, 'SIGKILL');
}

function readLinkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
