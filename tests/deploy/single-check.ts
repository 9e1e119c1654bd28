import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeFolder, waitUntil } from '../support/own-mongod.js';
import { spawnServer } from '../support/server-process.js';
import { readUnitSetting } from './unit-checks.js';
import { builtServer, type World } from './world.js';

const basePaths = ['', '/arcmanager/api/v1'];

/** Asks for a path with curl, as the pages show it. Returns the status, the media type and the body. */
function ask(socket: string, path: string): string[] {
  const format = ['-w', '\n%{http_code}\n%{content_type}'];
  const args = ['-sS', ...format, '--unix-socket', socket, `http://localhost${path}`];
  const lines = execFileSync('curl', args, { encoding: 'utf8' }).split('\n');
  return [...lines.splice(-2), lines.join('\n')];
}

/** Starts the server with the settings of `queuepass.service` on a socket, and asks for its pages. */
async function checkPages(world: World, basePath: string): Promise<void> {
  const [path = ''] = readUnitSetting('queuepass.socket', 'ListenStream');
  assert.equal(path, '/run/queuepass.sock');
  const socket = join(makeFolder(), basename(path));
  const unit = readUnitSetting('queuepass.service', 'Environment').map((text) => text.split('='));
  const ofUnit = Object.fromEntries(unit.filter(([name = '']) => !name.endsWith('_FILE')));
  assert.equal(ofUnit.LISTEN, 'systemd');
  const ofWorld = world.settingsFor(`single${basePaths.indexOf(basePath)}`);
  const settings = { ...ofUnit, ...ofWorld, BASE_PATH: basePath };
  const passed = [...Object.keys(settings), 'PATH', 'HOME'].flatMap((name) => ['-E', name]);
  const command = ['systemd-socket-activate', '-l', socket, ...passed, ...builtServer];
  const server = spawnServer(world, { command, settings });
  await waitUntil(() => existsSync(socket));
  const [status, type, page = ''] = ask(socket, `${basePath}/docs`);
  assert.deepEqual([status, type], ['200', 'text/html; charset=utf-8']);
  const [, style = ''] = /<link rel="stylesheet" href="([^"]+)"/.exec(page) ?? [];
  const styleUrl = new URL(style, `http://localhost${basePath}/docs`);
  assert.deepEqual(ask(socket, styleUrl.pathname).slice(0, 2), ['200', 'text/css; charset=utf-8']);
  if (basePath !== '') assert.equal(ask(socket, '/docs')[0], '404');
  server.kill('SIGTERM');
  assert.deepEqual(await server.exited, { code: 0, signal: null });
}

/** A single process serves its pages on the socket of `queuepass.socket`, also under a path prefix. */
export async function checkSingleProcess(world: World): Promise<void> {
  for (const basePath of basePaths) await checkPages(world, basePath);
}
