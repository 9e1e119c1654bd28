import { join } from 'node:path';
import test from 'ava';
import { request } from 'undici';
import { readByteRange } from '../../server/http/byte-range.js';
import { listen } from '../../server/process/http-server.js';
import { agentHeaders } from '../support/jobs.js';
import { digestStream, largeUpload, readPeakMemory } from '../support/large-file.js';
import { findPids, makeFolder, startOwnMongod } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';
import { startServer, testMongodbUri, testSigningKey } from '../support/start-server.js';
import { makeBytes, readToEnd, sendRaw, upload } from '../support/uploads.js';

const path = '/v1/result/0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d/artifact';

test('an upload and a download of a large file need no more memory than those of a small one', async (t) => {
  const signer = await startServer(t);
  const server = await startServerProcess(t, {
    settings: {
      MONGODB_URI: testMongodbUri(),
      MONGODB_DATABASE: signer.deps.connection.db.databaseName,
      JWT_SIGNING_KEY: testSigningKey,
      LOG_LEVEL: 'silent',
    },
  });
  const pid = server.child.pid as number;
  const before = readPeakMemory(pid);
  const { body, headers, digest } = largeUpload(320);
  const sent = await request(server.url + path, {
    method: 'POST',
    headers: { ...agentHeaders(signer), ...headers },
    body,
    headersTimeout: 0,
  });
  t.is(sent.statusCode, 200, await sent.body.text());
  const fetched = await request(server.url + path, { headersTimeout: 0, bodyTimeout: 0 });
  t.is(await digestStream(fetched.body), digest());
  const grown = readPeakMemory(pid) - before;
  t.true(grown < 200, `${grown} MiB more than before the transfer of 320 MiB`);
});

test('an upload gets 503 when MongoDB stops responding, with the time counted from its last byte', async (t) => {
  const dataDir = join(makeFolder(), 'data');
  const mongod = await startOwnMongod(t, dataDir);
  const server = await startServer(t, { settings: { MONGODB_URI: mongod.uri } });
  t.is((await server.request(path, upload(makeBytes(1000), agentHeaders(server)))).status, 200);
  const [pid] = await findPids(dataDir, 'mongod');
  process.kill(pid as number, 'SIGSTOP');
  try {
    const response = await server.request(path, upload(makeBytes(1000), agentHeaders(server)));
    t.is(response.status, 503);
    t.is(response.headers.get('retry-after'), '1');
  } finally {
    process.kill(pid as number, 'SIGCONT');
  }
  t.is((await server.request(path, upload(makeBytes(1000), agentHeaders(server)))).status, 200);
});

test('a connection stays usable after an upload that was refused', async (t) => {
  const server = await startServer(t);
  const headers = { ...agentHeaders(server), 'content-type': 'text/plain', 'content-length': '3000000' };
  const socket = await sendRaw(server, path, headers, makeBytes(3_000_000));
  socket.write('GET /v1/ HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n');
  const answers = await readToEnd(socket);
  t.deepEqual(
    [...answers.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status),
    ['400', '200'],
  );
});

test('headers must arrive within a minute, and the total time of a request is not limited', async (t) => {
  const { server, drain } = await listen(() => undefined, { host: '127.0.0.1', port: 0 });
  t.teardown(() => drain(0));
  t.is(server.headersTimeout, 60_000);
  t.is(server.requestTimeout, 0);
});

test('a Range header selects a part, the whole file, or an unsatisfiable range', (t) => {
  const cases: [string | undefined, number, ReturnType<typeof readByteRange>][] = [
    [undefined, 10, undefined],
    ['', 10, undefined],
    ['bytes=0-0', 10, { start: 0, end: 1 }],
    ['bytes=2-4', 10, { start: 2, end: 5 }],
    ['Bytes=2-', 10, { start: 2, end: 10 }],
    ['bytes=2-99', 10, { start: 2, end: 10 }],
    ['bytes=-3', 10, { start: 7, end: 10 }],
    ['bytes=-99', 10, { start: 0, end: 10 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=99-100', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'unsatisfiable'],
    ['bytes=4-2', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=a-b', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['lines=0-1', 10, undefined],
    ['bytes=0-99999999999999999999', 10, { start: 0, end: 10 }],
  ];
  for (const [header, length, range] of cases) t.deepEqual(readByteRange(header, length), range, header);
});
