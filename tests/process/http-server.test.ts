import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { StartError } from '../../server/errors/start-error.js';
import { listen } from '../../server/process/http-server.js';
import { makeFolder } from '../support/own-mongod.js';

const answer = (_: IncomingMessage, response: ServerResponse): unknown => response.end('hello');

function readFromSocket(socketPath: string): Promise<string> {
  return new Promise((done, failed) => {
    get({ socketPath, path: '/' }, (response) => {
      response.setEncoding('utf8').once('data', done);
    }).once('error', failed);
  });
}

test('the server serves a unix socket, and removes its file on shutdown', async (t) => {
  const path = join(makeFolder(), 'http.sock');
  const server = await listen(answer, { path });
  t.is(server.url, `unix:${path}`);
  t.is(await readFromSocket(path), 'hello');
  await server.drain(1);
  t.false(existsSync(path));
});

test('a shutdown responds to the requests that wait at its unix socket', async (t) => {
  const path = join(makeFolder(), 'http.sock');
  const server = await listen(answer, { path });
  // The server accepts none of them before the shutdown begins.
  const waiting = Array.from({ length: 50 }, () => readFromSocket(path));
  await server.drain(5);
  t.deepEqual(await Promise.all(waiting), Array(50).fill('hello'));
});

test('a request that arrives while the server begins to shut down gets a response with Connection: close', async (t) => {
  const server = await listen(answer, { host: '127.0.0.1', port: 0 });
  const accepted = once(server.server, 'connection');
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await accepted;
  const ended = server.drain(60);
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const text = (await socket.setEncoding('utf8').toArray()).join('');
  t.regex(text, /^HTTP\/1.1 200 OK\r\n[^]*Connection: close\r\n[^]*hello$/);
  await ended;
});

test('an idle connection is kept open for the seconds in its Keep-Alive header, or closed after its response when that is 0', async (t) => {
  const spread = { host: '127.0.0.1', port: 0 };
  for (const [keepAliveSeconds, headers] of [
    [1, /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=1\r\n/],
    [0, /\r\nConnection: close\r\n/],
  ] as const) {
    const server = await listen(answer, spread, { keepAliveSeconds });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    // Ends only because the server closes the connection.
    t.regex((await socket.setEncoding('utf8').toArray()).join(''), headers);
    await server.drain(1);
  }
});

test('a connection that sends nothing does not delay a shutdown', async (t) => {
  const server = await listen(answer, { host: '127.0.0.1', port: 0 });
  const accepted = once(server.server, 'connection');
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => undefined);
  await accepted;
  const started = performance.now();
  await server.drain(60);
  t.true(performance.now() - started < 30_000);
  socket.destroy();
});

test('the socket file of a server that was killed is replaced', async (t) => {
  const path = join(makeFolder(), 'http.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.true(existsSync(path));
  const server = await listen(answer, { path });
  t.is(await readFromSocket(path), 'hello');
  await server.drain(1);
});

test('a second server does not take over the socket of a running server', async (t) => {
  const path = join(makeFolder(), 'http.sock');
  const first = await listen(answer, { path });
  await t.throwsAsync(listen(answer, { path }), {
    instanceOf: StartError,
    message: `${path} is in use by another program: stop it, or set PORT (or LISTEN) to another address`,
  });
  t.is(await readFromSocket(path), 'hello');
  await first.drain(1);
});

test('a file that is not a socket is never removed', async (t) => {
  const path = join(makeFolder(), 'notes.txt');
  writeFileSync(path, 'dear to somebody');
  await t.throwsAsync(listen(answer, { path }), { instanceOf: StartError, message: /is not a socket/ });
  t.is(readFileSync(path, 'utf8'), 'dear to somebody');
});

test('an IPv6 address is served and shown in brackets', async (t) => {
  const server = await listen(answer, { host: '::1', port: 0 });
  t.regex(server.url, /^http:\/\/\[::1\]:\d+$/);
  t.is(await (await fetch(server.url)).text(), 'hello');
  await server.drain(1);
});

const refusals: [what: string, address: Parameters<typeof listen>[1], says: RegExp][] = [
  [
    'an address of another machine',
    { host: '203.0.113.1', port: 0 },
    /203\.0\.113\.1:0 is not an address of this machine/,
  ],
  ['an unknown host', { host: 'nowhere.invalid', port: 1 }, /^nowhere\.invalid:1 is not an address of this/],
  [
    'a path in a missing directory',
    { path: '/nowhere/at/all.sock' },
    /^\/nowhere\/at\/all\.sock cannot be created: its directory must exist/,
  ],
  ['a descriptor that is not a socket', { fd: 9999 }, /^LISTEN=systemd, but systemd passed no socket/],
];
for (const [what, address, says] of refusals) {
  test(`${what} is reported in one line that says how to fix it`, async (t) => {
    const error = await t.throwsAsync(listen(answer, address), { instanceOf: StartError, message: says });
    t.false(error.message.includes('\n'));
  });
}

test('errors while accepting connections are reported and do not stop the server', async (t) => {
  const errors: Error[] = [];
  const server = await listen(
    answer,
    { host: '127.0.0.1', port: 0 },
    {
      onError: (error) => errors.push(error),
    },
  );
  for (const code of ['EMFILE', 'EMFILE']) server.server.emit('error', new Error(code));
  t.is(errors.length, 2);
  t.is((await fetch(server.url)).status, 200);
  await server.drain(1);
});

test('a shutdown does not wait for connections without a request, even those that served one before', async (t) => {
  const server = await listen(answer, { host: '127.0.0.1', port: 0 });
  // fetch keeps the connection open after the response.
  await (await fetch(server.url)).text();
  const started = performance.now();
  await server.drain(600);
  t.true(performance.now() - started < 60_000);
});
