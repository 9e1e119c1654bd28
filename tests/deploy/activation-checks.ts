import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { findPids, makeFolder, waitUntil } from '../support/own-mongod.js';
import { type ServerProcess, spawnServer } from '../support/server-process.js';
import { askSocket } from './pair.js';
import { underLoad } from './rolling-check.js';
import { builtServer, repositoryPath, type World } from './world.js';

/** Starts the server under the systemd standIn-in. `notifications` returns the lines of all notifications. */
function startUnderSystemd(world: World, database: string) {
  const socket = join(makeFolder(), 'http.sock');
  const command = ['python3', repositoryPath('tests/deploy/systemd-stand-in.py'), socket, ...builtServer];
  const settings = { ...world.settingsFor(database), LISTEN: 'systemd', LOG_LEVEL: 'warn' };
  const standIn = spawnServer(world, { command, settings, input: true });
  world.teardown(async () => {
    standIn.child.stdin?.end();
    await standIn.exited;
  });
  const notifications = (): string[] =>
    standIn
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('['))
      .flatMap((line) => JSON.parse(line) as string[]);
  return { standIn, socket, notifications };
}

function countOf(notifications: () => string[], line: string): number {
  return notifications().filter((other) => other === line).length;
}

async function endOf(standIn: ServerProcess): Promise<void> {
  standIn.child.stdin?.end();
  assert.deepEqual(await standIn.exited, { code: 0, signal: null });
}

/** `systemd-socket-activate` starts the server at the first connection, which is answered. */
export async function checkSocketActivation(world: World): Promise<void> {
  const socket = join(makeFolder(), 'http.sock');
  const settings = { ...world.settingsFor('activated'), LISTEN: 'systemd' };
  const passed = [...Object.keys(settings), 'PATH', 'HOME'].flatMap((name) => ['-E', name]);
  const command = ['systemd-socket-activate', '-l', socket, ...passed, ...builtServer];
  const server = spawnServer(world, { command, settings });
  await waitUntil(() => existsSync(socket));
  assert.equal(await askSocket(socket, '/readyz'), 200);
  assert.match(server.stderr(), /^Queuepass listens on the socket of systemd$/m);
  server.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
}

/** The server reports readiness once it responds, and notifies the watchdog whether MongoDB responds or not. */
export async function checkNotifications(world: World): Promise<string> {
  const { standIn, socket, notifications } = startUnderSystemd(world, 'notified');
  await waitUntil(() => notifications().includes('READY=1'));
  assert.ok(notifications().includes('STATUS=Listening on the socket of systemd'));
  assert.equal(await askSocket(socket, '/readyz'), 200);
  const watchdogCount = () => countOf(notifications, 'WATCHDOG=1');
  await waitUntil(() => watchdogCount() >= 2);
  const [mongod = 0] = await findPids(join(world.folder, 'mongodb'), 'mongod');
  const before = watchdogCount();
  process.kill(mongod, 'SIGSTOP');
  await wait(2000);
  process.kill(mongod, 'SIGCONT');
  const whileFrozen = watchdogCount() - before;
  assert.ok(
    whileFrozen >= 2,
    `${whileFrozen} watchdog notifications in 2 s without MongoDB, with a watchdog of 0.9 s`,
  );
  await endOf(standIn);
  assert.ok(notifications().includes('STOPPING=1'));
  return `${whileFrozen} watchdog notifications in 2 s without MongoDB`;
}

/** Connections wait on the socket that systemd holds while one process ends and the next one starts. */
export async function checkRestartOnSocket(world: World): Promise<string> {
  const { standIn, socket, notifications } = startUnderSystemd(world, 'restarted');
  await waitUntil(() => notifications().includes('READY=1'));
  // Opens a connection for each request, as nginx does.
  const connect = () => new Pool('http://localhost', { socketPath: socket, pipelining: 0 });
  const target = { connect, basePath: '', mongodbUri: world.mongodbUri, database: 'restarted' };
  const summary = await underLoad(target, async () => {
    for (const ready of [2, 3]) {
      standIn.child.stdin?.write('restart\n');
      await waitUntil(() => countOf(notifications, 'READY=1') === ready);
    }
  });
  assert.equal(countOf(notifications, 'ended with 0'), 2, standIn.stderr());
  await endOf(standIn);
  return summary;
}
