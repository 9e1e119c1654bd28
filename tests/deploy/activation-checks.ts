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

/** The server under what stands in for systemd; `told` are the lines of all notifications. */
function startUnderSystemd(world: World, database: string) {
  const socket = join(makeFolder(), 'http.sock');
  const command = ['python3', repositoryPath('tests/deploy/systemd-stand-in.py'), socket, ...builtServer];
  const settings = { ...world.settingsFor(database), LISTEN: 'systemd', LOG_LEVEL: 'warn' };
  const stand = spawnServer(world, { command, settings, input: true });
  world.teardown(async () => {
    stand.child.stdin?.end();
    await stand.exited;
  });
  const told = (): string[] =>
    stand
      .stdout()
      .split('\n')
      .filter((line) => line.startsWith('['))
      .flatMap((line) => JSON.parse(line) as string[]);
  return { stand, socket, told };
}

function countOf(told: () => string[], line: string): number {
  return told().filter((other) => other === line).length;
}

async function endOf(stand: ServerProcess): Promise<void> {
  stand.child.stdin?.end();
  assert.deepEqual(await stand.exited, { code: 0, signal: null });
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

/** Readiness comes when the server answers, and the watchdog is fed whether MongoDB answers or not. */
export async function checkNotifications(world: World): Promise<string> {
  const { stand, socket, told } = startUnderSystemd(world, 'notified');
  await waitUntil(() => told().includes('READY=1'));
  assert.ok(told().includes('STATUS=Listens on the socket of systemd'));
  assert.equal(await askSocket(socket, '/readyz'), 200);
  const feeds = () => countOf(told, 'WATCHDOG=1');
  await waitUntil(() => feeds() >= 2);
  const [mongod = 0] = await findPids(join(world.folder, 'mongodb'), 'mongod');
  const before = feeds();
  process.kill(mongod, 'SIGSTOP');
  await wait(2000);
  process.kill(mongod, 'SIGCONT');
  const frozen = feeds() - before;
  assert.ok(frozen >= 2, `${frozen} feeds in 2 s without MongoDB, with a watchdog of 0.9 s`);
  await endOf(stand);
  assert.ok(told().includes('STOPPING=1'));
  return `${frozen} feeds in 2 s without MongoDB`;
}

/** Connections wait in the socket that systemd holds while one process ends and the next one starts. */
export async function checkRestartOnSocket(world: World): Promise<string> {
  const { stand, socket, told } = startUnderSystemd(world, 'restarted');
  await waitUntil(() => told().includes('READY=1'));
  // A connection for each request, as nginx makes them.
  const connect = () => new Pool('http://localhost', { socketPath: socket, pipelining: 0 });
  const target = { connect, basePath: '', mongodbUri: world.mongodbUri, database: 'restarted' };
  const summary = await underLoad(target, async () => {
    for (const ready of [2, 3]) {
      stand.child.stdin?.write('restart\n');
      await waitUntil(() => countOf(told, 'READY=1') === ready);
    }
  });
  assert.equal(countOf(told, 'ended with 0'), 2, stand.stderr());
  await endOf(stand);
  return summary;
}
