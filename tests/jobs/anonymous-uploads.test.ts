import test, { type ExecutionContext } from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { makeJobRecord, times } from '../support/recorded-commands.js';
import { startServer, type TestServer, type TestServerOptions } from '../support/start-server.js';
import { until } from '../support/until.js';
import {
  countFiles,
  makeBytes,
  multipart,
  readToEnd,
  sendRaw,
  upload,
  waitForFiles,
} from '../support/uploads.js';

const mebibyte = 1024 * 1024;
const attaching = { test_data: { attachments: [{ agent: 'a.txt' }] } };
const pathOf = (jobId: string) => `/v1/job/${jobId}/attachments`;
const limit = (mib: number): TestServerOptions => ({ settings: { ANONYMOUS_UPLOAD_MIB: String(mib) } });

const full = [
  413,
  '{"message":"There is no room for more anonymous uploads: log in, or try again when waiting jobs have started (ANONYMOUS_UPLOAD_MIB)","detail":{}}',
] as const;
const ok = [200, 'OK'] as const;
const notAwaited = [422, 'Job ID not awaiting attachments\n'] as const;

/** Uploads bytes for a job, by default for a new one. */
async function send(
  server: TestServer,
  bytes: number,
  { jobId, headers = {} }: { jobId?: string; headers?: Record<string, string> } = {},
): Promise<[number, string]> {
  const id = jobId ?? (await submit(server, attaching, headers));
  const response = await server.request(pathOf(id), upload(makeBytes(bytes), headers));
  return [response.status, await response.text()];
}

/** Uploads bytes whose number is not announced. */
async function sendChunked(server: TestServer, bytes: number): Promise<[number, string]> {
  const response = await server.request(pathOf(await submit(server, attaching)), {
    method: 'POST',
    headers: { 'content-type': multipart.type },
    body: new Blob([multipart.head, new Uint8Array(makeBytes(bytes)), multipart.tail]).stream(),
    duplex: 'half',
  } as RequestInit);
  return [response.status, await response.text()];
}

async function cancel(server: TestServer, jobId: string): Promise<void> {
  const response = await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }));
  if (response.status !== 200) throw new Error(await response.text());
}

/** Begins an upload of 20 MB and returns once the server counts some of its bytes. */
async function beginUpload(t: ExecutionContext, server: TestServer, jobId: string) {
  const headers = { 'content-type': multipart.type, 'content-length': '20000000', connection: 'close' };
  const body = Buffer.concat([Buffer.from(multipart.head), makeBytes(9_000_000)]);
  const socket = await sendRaw(server, pathOf(jobId), headers, body);
  await until(t, async () => (await server.deps.sumAnonymousBytes()) > 8_000_000);
  return socket;
}

test('the attachments of anonymous callers have 10 GiB together', async (t) => {
  const server = await startServer(t);
  t.is(server.deps.config.anonymousUploadMib, 10_240);
  const jobId = await submit(server, attaching);
  const other = await submit(server, attaching);
  const { jobs } = server.deps.collections;
  await jobs.updateOne({ job_id: other }, { $set: { anonymous_bytes: 10_240 * mebibyte - 1000 } });
  t.deepEqual(await send(server, 1001, { jobId }), [...full]);
  await jobs.updateOne({ job_id: other }, { $inc: { anonymous_bytes: -mebibyte } });
  t.deepEqual(await send(server, 1001, { jobId }), [...ok]);
});

test('uploads beyond the limit get 413 and store nothing, whether their size is announced or not', async (t) => {
  const server = await startServer(t, limit(2));
  t.deepEqual(await send(server, mebibyte), [...ok]);
  const stored = await countFiles(server);
  t.deepEqual(await send(server, mebibyte), [...full]);
  t.deepEqual(await sendChunked(server, mebibyte + 1), [...full]);
  await waitForFiles(server, ...stored);
  t.is(await server.deps.sumAnonymousBytes(), mebibyte);
  t.deepEqual(await sendChunked(server, mebibyte), [...ok]);
  t.is(await server.deps.sumAnonymousBytes(), 2 * mebibyte);
});

test('an announced size beyond the limit gets 413 before the body is read', async (t) => {
  const server = await startServer(t, limit(2));
  const headers = { 'content-type': multipart.type, 'content-length': '3000000', connection: 'close' };
  const socket = await sendRaw(server, pathOf(await submit(server, attaching)), headers, '');
  t.regex(await readToEnd(socket), /^HTTP\/1.1 413 [^]*no room for more anonymous uploads/);
});

test('with 0 no anonymous caller can upload, and the uploads of clients do not count', async (t) => {
  const server = await startServer(t, limit(0));
  t.deepEqual(await send(server, 1), [...full]);
  t.deepEqual(await sendChunked(server, 1), [...full]);
  t.deepEqual(await send(server, 3 * mebibyte, { headers: bearer(server) }), [...ok]);
  t.is(await server.deps.sumAnonymousBytes(), 0);
});

test('only jobs that wait count: a claimed or cancelled job gives its room back', async (t) => {
  const server = await startServer(t, limit(2));
  t.deepEqual(await send(server, mebibyte + 1), [...ok]);
  t.deepEqual(await send(server, mebibyte), [...full]);
  t.truthy(await claim(server));
  const jobId = await submit(server, attaching);
  t.deepEqual(await send(server, mebibyte + 1, { jobId }), [...ok]);
  t.deepEqual(await send(server, mebibyte), [...full]);
  await cancel(server, jobId);
  t.deepEqual(await send(server, mebibyte), [...ok]);
});

test('a cancel removes the attachments that an anonymous caller sent for a waiting job, and no others', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  await send(server, 600_000, { jobId });
  await cancel(server, jobId);
  await waitForFiles(server, 0, 0);
  const claimed = await submit(server, attaching);
  await send(server, 10, { jobId: claimed });
  t.truthy(await claim(server));
  await cancel(server, claimed);
  const headers = bearer(server);
  const owned = await submit(server, attaching, headers);
  await send(server, 10, { jobId: owned, headers });
  await server.request(`/v1/job/${owned}/action`, jsonBody({ action: 'cancel' }, headers));
  await waitForFiles(server, 2, 2);
});

test('a job that ended without its attachments takes none any more', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  await cancel(server, jobId);
  t.deepEqual(await send(server, 10, { jobId }), [...notAwaited]);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('an upload whose job is cancelled meanwhile is refused before it ends, and stores nothing', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const socket = await beginUpload(t, server, jobId);
  await cancel(server, jobId);
  socket.write(makeBytes(5_000_000));
  t.regex(await readToEnd(socket), /^HTTP\/1.1 422 [^]*Job ID not awaiting attachments/);
  await waitForFiles(server, 0, 0);
});

test('running uploads count in every process, and no longer when they are interrupted', async (t) => {
  const server = await startServer(t, limit(20));
  const database = server.deps.connection.db.databaseName;
  const other = await startServer(t, { ...limit(20), database });
  const socket = await beginUpload(t, server, await submit(server, attaching));
  t.deepEqual(await send(other, 13 * mebibyte), [...full]);
  t.deepEqual(await sendChunked(other, 13 * mebibyte), [...full]);
  socket.destroy();
  await until(t, async () => (await server.deps.sumAnonymousBytes()) === 0);
  t.deepEqual(await send(other, 13 * mebibyte), [...ok]);
});

test('of two uploads for one job only the bytes of the stored file count', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const file = makeBytes(5_000_000);
  const statuses = await Promise.all(
    [0, 1].map(async () => (await server.request(pathOf(jobId), upload(file))).status),
  );
  t.deepEqual(statuses, [200, 200]);
  t.is(await server.deps.sumAnonymousBytes(), 5_000_000);
});

test('the sum reads the index entries of the jobs that wait and have anonymous uploads, and no job', async (t) => {
  const server = await startServer(t);
  const { db } = server.deps.connection;
  const make = (n: number) =>
    makeJobRecord({
      result_data: { job_state: n % 2 === 0 ? 'waiting' : 'complete' },
      ...(n % 10 < 2 && { anonymous_bytes: 2 ** 31 }),
    });
  await server.deps.collections.jobs.insertMany(times(1000, make));
  await db.command({ profile: 2 });
  t.is(await server.deps.sumAnonymousBytes(), 100 * 2 ** 31);
  await db.command({ profile: 0 });
  const [entry] = await db.collection('system.profile').find({ 'command.aggregate': 'jobs' }).toArray();
  t.regex(entry?.['planSummary'], /^IXSCAN \{ result_data.job_state: 1, _id: 1, anonymous_bytes: 1 \}$/);
  t.deepEqual([entry?.['keysExamined'], entry?.['docsExamined']], [100, 0]);
});
