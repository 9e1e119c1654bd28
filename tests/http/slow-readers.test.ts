import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { ObjectId } from 'mongodb';
import { cutIdleReader } from '../../server/http/cut-idle-reader.js';
import type { LogRecord } from '../../server/logs/collections.js';
import { builtServer } from '../support/build-server.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { readMemory } from '../support/large-file.js';
import { insertFragments } from '../support/results.js';
import { startServerProcess } from '../support/server-process.js';
import { startServer, testMongodbUri, testSigningKey } from '../support/start-server.js';
import { until } from '../support/until.js';
import { makeBytes, upload } from '../support/uploads.js';

const mebibyte = 1024 * 1024;

const collectGarbage = 'data:text/javascript,setInterval(gc, 1000).unref()';

/** Sends a GET request whose response is read only by `read`. */
function open(t: ExecutionContext, url: string, path: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).on('error', () => undefined);
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  return socket;
}

test('clients that read slowly hold little memory of the server, however long the response is', async (t) => {
  const signer = await startServer(t);
  const jobId = await submit(signer);
  const text = 'a line of a long log\n'.repeat(mebibyte / 21);
  await insertFragments(
    signer,
    jobId,
    Array.from({ length: 30 }, () => text),
  );
  const long = { fragment_number: 99, log_type: 'serial', log_data: text.repeat(14) };
  const [first] = await signer.deps.collections.logs.find({ job_id: jobId }).limit(1).toArray();
  await signer.deps.collections.logs.insertOne({
    ...(first as LogRecord),
    ...long,
    _id: new ObjectId(),
  } as never);
  const artifact = upload(makeBytes(20 * mebibyte), agentHeaders(signer));
  t.is((await signer.request(`/v1/result/${jobId}/artifact`, artifact)).status, 200);
  const server = await startServerProcess(t, {
    // What counts is what readers hold, not the garbage that Node keeps while it has memory.
    command: [process.execPath, '--expose-gc', '--import', collectGarbage, builtServer],
    settings: {
      MONGODB_URI: testMongodbUri(),
      MONGODB_DATABASE: signer.deps.connection.db.databaseName,
      JWT_SIGNING_KEY: testSigningKey,
      LOG_LEVEL: 'silent',
    },
  });
  const pid = server.child.pid as number;
  const paths = [
    `/v1/result/${jobId}/log/output`,
    `/v1/result/${jobId}/log/serial`,
    `/v1/result/${jobId}`,
    `/v1/result/${jobId}/artifact`,
  ];
  for (const path of paths.slice(0, 3)) await (await fetch(server.url + path)).arrayBuffer();
  const before = readMemory(pid);
  const readers = Array.from({ length: 200 }, (_, n) =>
    open(t, server.url, paths[n % paths.length] as string),
  );
  await Promise.all(readers.map((socket) => once(socket, 'readable')));
  let mibEach = Infinity;
  for (let round = 0; round < 10 && mibEach >= 1; round += 1) {
    await wait(3000);
    mibEach = (readMemory(pid) - before) / readers.length;
  }
  t.log(`${mibEach} MiB each`);
  t.true(mibEach < 1, `${mibEach} MiB each`);
});

test('a client that takes nothing of a response is cut, and one that reads slowly is not', async (t) => {
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    responses.push(response);
    cutIdleReader(response, 500);
    response.end(Buffer.alloc(40 * mebibyte));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const idle = open(t, url, '/');
  await until(t, () => responses.length === 1);
  await once(responses[0] as ServerResponse, 'close');
  let received = 0;
  for await (const piece of idle) received += (piece as Buffer).length;
  t.true(received < 40 * mebibyte, `${received}`);
  const slow = open(t, url, '/');
  let read = 0;
  const started = performance.now();
  while (performance.now() - started < 2000) {
    read += (slow.read() as Buffer | null)?.length ?? 0;
    await wait(50);
  }
  t.true(read > 0);
  t.false(responses[1]?.closed === true && !responses[1].writableFinished);
});
