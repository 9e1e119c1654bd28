import test from 'ava';
import { request } from 'undici';
import { bearer } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';
import {
  countFiles,
  digest,
  makeBytes,
  multipart,
  readToEnd,
  sendRaw,
  upload,
  waitForFiles,
} from '../support/uploads.js';

const canonical = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';
const pathOf = (jobId: string) => `/v1/result/${jobId}/artifact`;

async function answerOf(response: Response): Promise<[number, string | null, string]> {
  return [response.status, response.headers.get('content-type'), await response.text()];
}

function store(server: TestServer, jobId: string, bytes: Uint8Array): Promise<Response> {
  return server.request(pathOf(jobId), upload(bytes, agentHeaders(server)));
}

/** Downloads an artifact without `fetch`, which would decompress a response with Content-Encoding: gzip. */
async function fetchArtifact(server: TestServer, jobId: string, headers: Record<string, string> = {}) {
  const answer = await request(server.url + pathOf(jobId), { headers });
  return { ...answer, bytes: Buffer.from(await answer.body.arrayBuffer()) };
}

const ok: [number, string, string] = [200, 'text/plain; charset=utf-8', 'OK'];

test('an artifact is returned as it was sent, labelled as a compressed archive and not compressed again', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  t.is((await fetchArtifact(server, jobId)).statusCode, 204);
  const bytes = makeBytes(3_000_000);
  t.deepEqual(await answerOf(await store(server, jobId, bytes)), ok);
  const answer = await fetchArtifact(server, jobId, { 'accept-encoding': 'gzip, deflate, br' });
  t.is(answer.statusCode, 200);
  t.is(answer.headers['content-type'], 'application/x-tar');
  t.is(answer.headers['content-encoding'], 'gzip');
  t.is(answer.headers['content-disposition'], 'inline; filename=artifact.tar.gz');
  t.is(answer.headers['content-length'], '3000000');
  t.is(digest(answer.bytes), digest(bytes));
});

test('an artifact that is sent again replaces the earlier one, whose chunks are deleted', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  for (const size of [900_000, 20, 0, 600_000]) {
    const bytes = makeBytes(size);
    t.deepEqual(await answerOf(await store(server, jobId, bytes)), ok);
    t.is(digest((await fetchArtifact(server, jobId)).bytes), digest(bytes));
  }
  await waitForFiles(server, 1, 3);
});

test('while artifacts are replaced a complete one is always available', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  // Use one chunk: the rest of a longer artifact can be removed while it is read, which cuts the connection.
  const all = Array.from({ length: 12 }, () => makeBytes(100_000));
  const digests = new Set(all.map(digest));
  await store(server, jobId, all[0] as Buffer);
  let done = false;
  const writing = (async () => {
    for (const bytes of all) await store(server, jobId, bytes);
    done = true;
  })();
  let whole = 0;
  while (!done) {
    const answer = await fetchArtifact(server, jobId).catch((error: Error) => error);
    if (answer instanceof Error) continue;
    t.is(answer.statusCode, 200);
    t.true(digests.has(digest(answer.bytes)));
    whole += 1;
  }
  await writing;
  t.true(whole > 0);
  await waitForFiles(server, 1, 1);
});

test('of artifacts that are sent concurrently one is kept, completely', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  const all = Array.from({ length: 8 }, () => makeBytes(1_000_000));
  const answers = await Promise.all(all.map((bytes) => store(server, jobId, bytes)));
  for (const answer of answers) t.is(answer.status, 200);
  await waitForFiles(server, 1, 4);
  const stored = digest((await fetchArtifact(server, jobId)).bytes);
  t.true(all.some((bytes) => digest(bytes) === stored));
});

test('an interrupted upload does not change the earlier artifact', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  const bytes = makeBytes(500_000);
  await store(server, jobId, bytes);
  const headers = {
    ...agentHeaders(server),
    'content-type': multipart.type,
    'content-length': '20000000',
  };
  const body = Buffer.concat([Buffer.from(multipart.head), makeBytes(5_000_000)]);
  const socket = await sendRaw(server, pathOf(jobId), headers, body);
  await waitForFiles(server, 1, 2 + 16);
  socket.destroy();
  await waitForFiles(server, 1, 2);
  t.is(digest((await fetchArtifact(server, jobId)).bytes), digest(bytes));
});

test('errors are reported in this order: role, id, job, body, and an artifact of an unknown job is stored', async (t) => {
  const server = await startServer(t);
  const headers = agentHeaders(server);
  const text = 'text/plain; charset=utf-8';
  t.is((await server.request(pathOf('no-uuid'), upload(makeBytes(1), bearer(server)))).status, 403);
  t.is((await server.request(pathOf(canonical), { headers })).status, 403);
  const without = await server.request(pathOf('no-uuid'), upload(makeBytes(1), headers, 'other'));
  t.deepEqual(await answerOf(without), [400, text, 'Invalid job id\n']);
  const unknown = await server.request(pathOf(canonical), upload(makeBytes(1), headers, 'other'));
  t.deepEqual(await answerOf(unknown), [400, 'application/json', '{"message":"Bad Request","detail":{}}']);
  t.deepEqual(await answerOf(await store(server, 'no-uuid', makeBytes(1))), [400, text, 'Invalid job id\n']);
  const unread = await server.request(pathOf('no-uuid'));
  t.deepEqual(await answerOf(unread), [400, text, 'Invalid job id\n']);
  t.deepEqual(await countFiles(server), [0, 0]);
  t.deepEqual(await answerOf(await store(server, canonical, makeBytes(10))), ok);
  t.is((await fetchArtifact(server, canonical.replaceAll('-', ''))).bytes.length, 10);
});

test('an invalid id and a job of another agent get a response before the body is sent', async (t) => {
  const server = await startServer(t);
  const enforcing = await startServer(t, {
    settings: { AGENT_BINDING: 'enforce' },
    database: server.deps.connection.db.databaseName,
  });
  const jobId = await submit(server, {});
  await claim(server, ['q1'], 'agent-1');
  /** Sends only the headers of an artifact. */
  const sendHeaders = async (to: TestServer, id: string, headers: Record<string, string>) => {
    const announced = { 'content-type': multipart.type, 'content-length': '20000000', connection: 'close' };
    return readToEnd(await sendRaw(to, pathOf(id), { ...announced, ...headers }, ''));
  };
  const other = agentHeaders(server, 'agent-2');
  t.regex(await sendHeaders(server, 'no-uuid', other), /^HTTP\/1.1 400 .*Invalid job id\n$/s);
  t.regex(await sendHeaders(server, jobId, other), /^HTTP\/1.1 200 .*queuepass-discarded: lease-lost/is);
  t.regex(await sendHeaders(enforcing, jobId, other), /^HTTP\/1.1 403 .*Not enough permissions on job ID/s);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('a download of an artifact with a missing chunk is cut, and never looks complete', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {});
  await store(server, jobId, makeBytes(2_000_000));
  await server.deps.collections.fileChunks.deleteOne({ n: 5 });
  await t.throwsAsync(fetchArtifact(server, jobId));
  t.true(server.logText().includes('is missing or truncated'));
});

test('a resubmitted job has no artifact from its earlier run', async (t) => {
  const server = await startServer(t);
  await submit(server, { job_id: canonical }, bearer(server));
  await store(server, canonical, makeBytes(600_000));
  await submit(server, { job_id: canonical }, bearer(server));
  t.deepEqual(await countFiles(server), [0, 0]);
  t.is((await fetchArtifact(server, canonical)).statusCode, 204);
});
