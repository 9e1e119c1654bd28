import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { ApiError } from '../../server/errors/api-error.js';
import { BodyTimer, type BodyTimes, bodyTimes } from '../../server/http/body-time.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { multipart } from '../support/uploads.js';

/** A body sent piece by piece. */
interface SlowBody {
  piece: string;
  everyMs: number;
  /** Pieces that are sent; after them, the client sends nothing. */
  count: number;
  /** The announced length; by default more than is ever sent. */
  length?: number;
}

/** Sends a request slowly, and returns what the server sends until it closes the connection, and after how long. */
async function sendSlowly(
  t: ExecutionContext,
  url: string,
  head: readonly string[],
  { piece, everyMs, count, length = 1_000_000 }: SlowBody,
): Promise<{ answer: string; ms: number }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  t.teardown(() => socket.destroy());
  const began = performance.now();
  socket.write(
    `${[...head, 'Host: 127.0.0.1', 'Expect: 100-continue', `Content-Length: ${length}`].join('\r\n')}\r\n\r\n`,
  );
  const pieces: Buffer[] = [];
  socket.on('data', (data) => void pieces.push(data));
  // Otherwise the first pieces may arrive together with the headers.
  await once(socket, 'data');
  let left = count;
  const timer = setInterval(() => {
    if (left > 0 && socket.writable) socket.write(piece);
    left -= 1;
  }, everyMs);
  t.teardown(() => clearInterval(timer));
  await new Promise((done) => socket.once('close', done));
  return {
    answer: Buffer.concat(pieces)
      .toString()
      .replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ''),
    ms: performance.now() - began,
  };
}

const never: BodyTimes = {
  baseMs: 1e9,
  bytesPerSecond: 1e-9,
  idleMs: 1e9,
  restMs: 1e9,
  checkMs: 20,
};

/**
 * Starts a server that reads each body with the given limits: that of `/later` after a second. It responds to `/refused`
 * without reading, and not at all to `/busy`.
 */
async function startReader(t: ExecutionContext, times: Partial<BodyTimes>): Promise<string> {
  const server = createServer((request, response) => {
    const timer = new BodyTimer(request, response, { ...never, ...times });
    request.on('error', () => undefined);
    if (request.url === '/refused') return void response.end('refused');
    if (request.url === '/busy') return undefined;
    const read = wait(request.url === '/later' ? 1000 : 0).then(() => request.toArray());
    return void timer.refuseIfSlow(read).then(
      (pieces) => response.setHeader('Connection', 'close').end(`read ${Buffer.concat(pieces).length}`),
      (error: ApiError) => {
        if (!response.destroyed) response.writeHead(error.status, error.headers).end(error.code);
      },
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const post = (path = '/') => [`POST ${path} HTTP/1.1`];

test('a body has 30 seconds, then 16 KiB a second; 2 minutes without a byte, and 5 minutes after its response', (t) => {
  t.deepEqual(bodyTimes, {
    baseMs: 30_000,
    bytesPerSecond: 16_384,
    idleMs: 120_000,
    restMs: 300_000,
    checkMs: 1000,
  });
});

test('a body that is too slow gets 408 at the end of its first time, and its connection is closed', async (t) => {
  const url = await startReader(t, { baseMs: 300, bytesPerSecond: 1000 });
  const { answer, ms } = await sendSlowly(t, url, post(), { piece: 'x', everyMs: 30, count: 1000 });
  t.regex(answer, /^HTTP\/1\.1 408 [^]*Connection: close[^]*body_too_slow/);
  t.true(ms >= 300 && ms < 3000, `${ms} ms`);
});

test('a body that keeps up with the minimum rate is read, however long it takes', async (t) => {
  const url = await startReader(t, { baseMs: 300, bytesPerSecond: 1000 });
  const body = { piece: 'x'.repeat(200), everyMs: 50, count: 30, length: 6000 };
  const { answer, ms } = await sendSlowly(t, url, post(), body);
  t.regex(answer, /^HTTP\/1\.1 200 [^]*read 6000$/);
  t.true(ms > 1000, `${ms} ms`);
});

test('each second of the minimum rate that arrives early extends the time by a second', async (t) => {
  const url = await startReader(t, { baseMs: 300, bytesPerSecond: 1000 });
  const { answer, ms } = await sendSlowly(t, url, post(), { piece: 'x'.repeat(1000), everyMs: 30, count: 1 });
  t.regex(answer, /^HTTP\/1\.1 408 /);
  t.true(ms >= 1300 && ms < 5000, `${ms} ms`);
});

test('a body that stops gets 408, also when it was fast before', async (t) => {
  const url = await startReader(t, { idleMs: 300 });
  const { answer, ms } = await sendSlowly(t, url, post(), {
    piece: 'x'.repeat(100_000),
    everyMs: 10,
    count: 3,
  });
  t.regex(answer, /^HTTP\/1\.1 408 /);
  t.true(ms >= 300 && ms < 3000, `${ms} ms`);
});

test('the connection of a body that its response did not wait for is closed after a while, also when it is fast', async (t) => {
  const url = await startReader(t, { restMs: 300 });
  const body = { piece: 'x'.repeat(1000), everyMs: 10, count: 1000 };
  const { answer, ms } = await sendSlowly(t, url, post('/refused'), body);
  t.regex(answer, /^HTTP\/1\.1 200 [^]*refused$/);
  t.true(ms >= 300 && ms < 3000, `${ms} ms`);
});

test('the connection of a slow body that nobody reads is closed without a response', async (t) => {
  const url = await startReader(t, { baseMs: 300, bytesPerSecond: 1000 });
  const silent = { piece: '', everyMs: 1000, count: 0 };
  t.is((await sendSlowly(t, url, post('/busy'), silent)).answer, '');
});

test('time in which the server does not read a body does not count', async (t) => {
  const url = await startReader(t, { baseMs: 200, bytesPerSecond: 1e6, idleMs: 200 });
  const body = { piece: 'x'.repeat(300_000), everyMs: 1, count: 1, length: 300_000 };
  const { answer, ms } = await sendSlowly(t, url, post('/later'), body);
  t.regex(answer, /^HTTP\/1\.1 200 [^]*read 300000$/);
  t.true(ms >= 1000, `${ms} ms`);
});

test('slow JSON, form and multipart bodies get 408 in the form of their route, and store nothing', async (t) => {
  const server = await startServer(t, { bodyTimes: { baseMs: 500, checkMs: 50 } });
  const jobId = await submit(server, { test_data: { attachments: [{ agent: 'a' }] } });
  const agent = Object.entries(agentHeaders(server)).map(([name, value]) => `${name}: ${value}`);
  const form = 'Content-Type: application/x-www-form-urlencoded';
  const file = `Content-Type: ${multipart.type}`;
  const cases: [string, string[], string, RegExp][] = [
    [
      '/v1/job',
      ['Content-Type: application/json'],
      '{',
      /\{"message":"The body arrives too slowly: [^"]*","detail":\{\}\}/,
    ],
    ['/v1/oauth2/token', [form], 'grant_type=', /408 /],
    [`/v1/job/${jobId}/attachments`, [file], multipart.head, /\{"message":"The body arrives too slowly: /],
    [
      `/v1/result/${jobId}/artifact`,
      [file, ...agent],
      multipart.head,
      /\{"message":"The body arrives too slowly: /,
    ],
  ];
  await Promise.all(
    cases.map(async ([path, headers, piece, expected]) => {
      const body = { piece, everyMs: 100, count: 1 };
      const { answer, ms } = await sendSlowly(t, server.url, [`POST ${path} HTTP/1.1`, ...headers], body);
      t.regex(answer, /^HTTP\/1\.1 408 [^]*Connection: close/i, path);
      t.regex(answer, expected, path);
      t.true(ms >= 500 && ms < 8000, `${path}: ${ms} ms`);
    }),
  );
  await checkNothingStored(t, server);
  t.is((await server.request(`/v1/job/${jobId}`)).status, 200);
});

async function checkNothingStored(t: ExecutionContext, { deps: { collections } }: TestServer): Promise<void> {
  t.is(await collections.files.countDocuments(), 0);
  t.is(await collections.jobs.countDocuments(), 1);
}
