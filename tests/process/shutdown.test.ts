import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { beginSubmit } from '../support/begin-submit.js';
import { onTerminal } from '../support/on-terminal.js';
import { findPids, makeFolder, waitUntil } from '../support/own-mongod.js';
import { listProcessesOf } from '../support/processes-of.js';
import {
  type ServerProcess,
  serverCommand,
  spawnServer,
  startServerProcess,
} from '../support/server-process.js';

async function isRefused(server: ServerProcess): Promise<boolean> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  return new Promise((done) => {
    socket.once('connect', () => done(false)).once('error', () => done(true));
    socket.once('connect', () => socket.destroy());
  });
}

test('after SIGTERM the server responds to the request in flight, accepts no new connections and exits with 0', async (t) => {
  const server = await startServerProcess(t, { settings: { DRAIN_SECONDS: '600' } });
  const agent = new Agent({ keepAlive: true });
  // One connection is idle after a response, and one has never sent a byte.
  const [idle] = (await once(get(`${server.url}/livez`, { agent }), 'response')) as [IncomingMessage];
  await idle.toArray();
  const silent = connect(Number(new URL(server.url).port), '127.0.0.1');
  silent.on('error', () => undefined);
  await once(silent, 'connect');
  const submit = await beginSubmit(server);
  server.kill('SIGTERM');
  await waitUntil(() => server.stderr().includes('Stopping'));
  await waitUntil(() => isRefused(server));
  t.is(server.child.exitCode, null);
  const answer = await submit.finish();
  t.is(answer.status, 200, answer.failed?.message);
  t.is(answer.connection, 'close', 'the response tells the client to close the connection');
  t.deepEqual(await server.exited, { code: 0, signal: null });
  t.deepEqual(await listProcessesOf(server.folder), [], 'mongod has ended before the server');
});

test('a request that hangs is cut after DRAIN_SECONDS', async (t) => {
  const server = await startServerProcess(t, { settings: { DRAIN_SECONDS: '1' } });
  const submit = await beginSubmit(server);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
  t.true((await submit.answered) instanceof Error);
});

test('a second signal, SIGINT or SIGTERM, ends the server at once', async (t) => {
  const server = await startServerProcess(t, { settings: { DRAIN_SECONDS: '600' } });
  await beginSubmit(server);
  server.kill('SIGTERM');
  await waitUntil(() => server.stderr().includes('Stopping'));
  server.kill('SIGINT');
  t.deepEqual(await server.exited, { code: 130, signal: null });
});

test('a signal during the start ends the server', async (t) => {
  const server = spawnServer(t);
  await waitUntil(async () => (await findPids(server.dataDir, 'mongod')).length > 0);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 143, signal: null });
});

test('after a SIGKILL of the server its mongod ends too', async (t) => {
  const server = await startServerProcess(t);
  t.is((await findPids(server.dataDir, 'mongod')).length, 1);
  server.kill('SIGKILL');
  await server.exited;
  await waitUntil(async () => (await listProcessesOf(server.folder)).length === 0);
  t.pass();
});

test('output streams that are closed early do not disturb the drain', async (t) => {
  const server = await startServerProcess(t);
  const submit = await beginSubmit(server);
  server.child.stderr?.destroy();
  server.child.stdout?.destroy();
  server.kill('SIGINT');
  await waitUntil(() => isRefused(server));
  t.is((await submit.finish()).status, 200);
  t.deepEqual(await server.exited, { code: 0, signal: null });
});

/** Makes a directory whose `npm start` runs the built server with the start script of package.json. */
function makeNpmStart() {
  const folder = makeFolder();
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const start = (scripts.start as string).replace(
    'node server/cli/queuepass.mjs serve',
    serverCommand.map((word) => `'${word}'`).join(' '),
  );
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start } }));
  return { folder, settings: { DRAIN_SECONDS: '600', npm_config_update_notifier: 'false' } };
}

/** Runs `npm start` on its own terminal. Each call of `press` is one Ctrl-C. */
function startOnTerminal(t: ExecutionContext) {
  const command = onTerminal(['npm', 'start']);
  const terminal = spawnServer(t, { ...makeNpmStart(), command, input: true });
  return { terminal, press: () => void terminal.child.stdin?.write('\x03') };
}

test('SIGTERM to npm start makes the server drain', async (t) => {
  const npm = await startServerProcess(t, { ...makeNpmStart(), command: ['npm', 'start'] });
  const submit = await beginSubmit(npm);
  npm.kill('SIGTERM');
  await waitUntil(() => npm.stderr().includes('Stopping'));
  t.is((await submit.finish()).status, 200);
  await npm.exited;
  t.deepEqual(await listProcessesOf(npm.folder), []);
});

test('one Ctrl-C under npm start makes the server drain, and mongod runs until the drain has ended', async (t) => {
  const { terminal, press } = startOnTerminal(t);
  await waitUntil(() => terminal.url !== '');
  const submit = await beginSubmit(terminal);
  press();
  await waitUntil(() => terminal.stdout().includes('Stopping'));
  // By then, npm has forwarded its own copy of the signal.
  await wait(1000);
  t.is((await findPids(terminal.dataDir, 'mongod')).length, 1);
  t.is((await submit.finish()).status, 200);
  await terminal.exited;
  t.deepEqual(await listProcessesOf(terminal.folder), []);
});

test('a second Ctrl-C under npm start ends the server at once', async (t) => {
  const { terminal, press } = startOnTerminal(t);
  await waitUntil(() => terminal.url !== '');
  await beginSubmit(terminal);
  press();
  await waitUntil(() => terminal.stdout().includes('Stopping'));
  await wait(1000);
  press();
  // The request never ends, and the drain would wait for it.
  t.true(await Promise.race([terminal.exited.then(() => true), wait(60_000, false)]));
});

test('a log that cannot be written, as on a full disk, delays neither requests nor the shutdown', async (t) => {
  if (!existsSync('/dev/full')) return t.pass('this system has no file that is always full');
  const command = ['/bin/sh', '-c', 'exec "$@" >/dev/full', 'sh', ...serverCommand];
  const server = await startServerProcess(t, { command });
  for (let count = 0; count < 20; count += 1) t.is((await server.request('/livez')).status, 200);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
});
