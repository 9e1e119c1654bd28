import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { embeddedSocketPath } from '../../server/mongod/mongod-socket.js';
import { makeFolder } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';
import { buildImage, measureImage } from './containerfile.js';
import { findFreePort } from './nginx.js';
import type { World } from './world.js';

/** If this process is root, returns a command that runs as a user who owns no built file, and lets that user reach MongoDB. */
function leaveRoot(world: World, root: string): string[] {
  if (userInfo().uid !== 0) return [];
  const dataDir = join(world.folder, 'mongodb');
  for (const folder of [world.folder, dataDir, root]) chmodSync(folder, 0o755);
  chmodSync(embeddedSocketPath(dataDir), 0o777);
  return ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
}

function listFiles(folder: string): string {
  return execFileSync('find', [folder, '-printf', '%P %s %T@\n'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

/** The steps of the Containerfile build a server that its CMD starts, that is healthy, and that writes no files. */
export async function checkContainerSteps(world: World): Promise<string> {
  const folder = makeFolder();
  // The packages of the build stage take hundreds of megabytes.
  world.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const image = buildImage(folder);
  assert.notEqual(image.user, 'root');
  assert.equal(image.environment.HOST, '0.0.0.0');
  const size = measureImage(image);
  const before = listFiles(image.root);
  const asUser = leaveRoot(world, folder);
  const { PATH = '' } = image.environment;
  const settings = {
    ...image.environment,
    ...world.settingsFor('contained'),
    HOST: '127.0.0.1',
    PORT: String(await findFreePort()),
    HOME: '/nonexistent',
  };
  const [program = '', ...rest] = image.command;
  // `env` finds the program on the PATH of the image.
  const command = [...asUser, 'env', `PATH=${PATH}`, program, ...rest];
  const server = await startServerProcess(world, { folder: image.workdir, settings, command });
  assert.equal((await server.request('/readyz')).status, 200);
  // No program imports these files, but the image must contain them.
  for (const path of ['/docs/start.js', '/docs/swagger-ui.css']) {
    assert.equal((await server.request(path)).status, 200);
  }
  const [health = '', ...healthRest] = image.healthCommand;
  const askHealth = () => spawnSync(health, healthRest, { env: settings }).status;
  assert.equal(askHealth(), 0);
  server.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
  assert.equal(askHealth(), 1);
  assert.equal(listFiles(image.root), before);
  return `${size} MiB over the base image`;
}
