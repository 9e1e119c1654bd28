import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { openCollections } from '../../server/areas.js';
import { waitUntil, withClient } from '../support/own-mongod.js';
import { insertFragments } from '../support/results.js';
import { serverCommand, startServerProcess } from '../support/server-process.js';
import { startServer, type TestServer, testMongodbUri, testSigningKey } from '../support/start-server.js';

const mebibyte = 1024 * 1024;

/** Counts the open cursors on the logs of this server in the database. */
async function countCursors({ deps }: TestServer): Promise<number> {
  const { client, db } = deps.connection;
  const open = await client
    .db('admin')
    .aggregate([
      { $currentOp: { idleCursors: true, allUsers: true } },
      { $match: { type: 'idleCursor', ns: `${db.databaseName}.logs` } },
    ])
    .toArray();
  return open.length;
}

/** Adds a job with a log of `fragments` fragments of 1 MiB, each of one repeated letter. */
async function addLog(server: TestServer, fragments: number): Promise<string> {
  const job = randomUUID();
  const { jobs } = server.deps.collections;
  await jobs.insertOne({
    job_id: job,
    live: true,
    created_at: new Date(),
    job_priority: 0,
    job_data: { job_queue: 'q' },
    result_data: { job_state: 'test' },
  });
  const texts = Array.from({ length: fragments }, (_, i) =>
    String.fromCharCode(97 + (i % 26)).repeat(mebibyte),
  );
  await insertFragments(server, job, texts);
  return job;
}

test('a log of 100 MB is not held in memory for a slow client, neither as a log nor in a result', async (t) => {
  const database = `test_${randomBytes(8).toString('hex')}`;
  const [program = '', ...rest] = serverCommand;
  const server = await startServerProcess(t, {
    settings: { MONGODB_URI: testMongodbUri(), MONGODB_DATABASE: database, JWT_SIGNING_KEY: testSigningKey },
    // The text of the log is larger than this heap.
    command: [program, '--max-old-space-size=96', ...rest],
  });
  await withClient(testMongodbUri(), async (client) => {
    const db = client.db(database);
    const deps = { collections: openCollections(db) } as TestServer['deps'];
    const job = await addLog({ deps } as TestServer, 100);
    const resident = async (): Promise<number> => {
      const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(server.child.pid)]);
      return Number(stdout) / 1024;
    };
    await (await server.request(`/v1/result/${randomUUID()}/log/output`)).text();
    const before = await resident();
    let most = 0;
    for (const path of [`/v1/result/${job}/log/output?phase=test`, `/v1/result/${job}`]) {
      const response = await server.request(path);
      t.is(response.status, 200);
      // The client does not read yet, so any data that the server reads ahead stays in its memory.
      for (let i = 0; i < 5; i += 1, await wait(100)) most = Math.max(most, await resident());
      let chars = 0;
      let chunks = 0;
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        chars += chunk.length;
        if ((chunks += 1) % 200 === 0) most = Math.max(most, await resident());
      }
      t.true(chars > 100 * mebibyte && chars < 101 * mebibyte, `${chars}`);
    }
    t.true(most - before < 180, `from ${before} to ${most} MB resident`);
    t.is(server.child.exitCode, null);
    await db.dropDatabase();
  });
});

test('an error in the middle of a log cuts the connection, is logged, and affects no other request', async (t) => {
  const server = await startServer(t);
  const job = await addLog(server, 60);
  const response = await server.request(`/v1/result/${job}/log/output`);
  t.is(response.status, 200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  t.false((await reader.read()).done);
  await server.deps.collections.logs.drop();
  const readAll = async () => {
    while (!(await reader.read()).done);
  };
  await t.throwsAsync(readAll, { message: 'terminated' });
  const findLogged = () => server.logged.find(({ msg }) => msg === 'a response was cut short');
  await waitUntil(() => findLogged() !== undefined);
  t.is(findLogged()?.level, 'error');
  t.is((await server.request(`/v1/result/${job}`)).status, 200);
});

test('the cursor of a log is closed when its client disconnects, and after a HEAD', async (t) => {
  const server = await startServer(t);
  const job = await addLog(server, 60);
  const leaving = new AbortController();
  const response = await server.request(`/v1/result/${job}/log/output`, { signal: leaving.signal });
  await (response.body as ReadableStream<Uint8Array>).getReader().read();
  await waitUntil(async () => (await countCursors(server)) === 1);
  leaving.abort();
  await waitUntil(async () => (await countCursors(server)) === 0);
  const head = await server.request(`/v1/result/${job}/log/output`, { method: 'HEAD' });
  t.is(head.status, 200);
  await waitUntil(async () => (await countCursors(server)) === 0);
  t.false(server.logged.some(({ level }) => level === 'error'));
});

test('short logs are sent in one piece, with a Content-Length', async (t) => {
  const server = await startServer(t);
  const job = randomUUID();
  await insertFragments(server, job, ['a', '\u00e9\u{1f600}']);
  const response = await server.request(`/v1/result/${job}/log/output?phase=test`);
  const body = '{"output":{"test":{"last_fragment_number":1,"log_data":"a\u00e9\u{1f600}"}}}';
  t.is(response.headers.get('content-length'), String(Buffer.byteLength(body)));
  t.is(await response.text(), body);
});
