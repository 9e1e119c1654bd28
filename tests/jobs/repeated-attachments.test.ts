import test from 'ava';
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

const unknown = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';
const attaching = { test_data: { attachments: [{ agent: 'a.txt' }] } };
const pathOf = (jobId: string) => `/v1/job/${jobId}/attachments`;
const text = 'text/plain; charset=utf-8';
const ok = [200, text, 'OK'] as const;
const differ = [
  409,
  'application/json',
  '{"message":"Job ID already has other attachments","detail":{}}',
] as const;
const badRequest = [400, 'application/json', '{"message":"Bad Request","detail":{}}'] as const;
const notOwned = [
  403,
  'application/json',
  '{"message":"Not enough permissions on job ID","detail":{}}',
] as const;

type Answer = [number, string | null, string];

async function send(server: TestServer, jobId: string, init: RequestInit): Promise<Answer> {
  const response = await server.request(pathOf(jobId), init);
  return [response.status, response.headers.get('content-type'), await response.text()];
}

async function fetchDigest(server: TestServer, jobId: string): Promise<string> {
  const response = await server.request(pathOf(jobId), { headers: agentHeaders(server) });
  return digest(Buffer.from(await response.arrayBuffer()));
}

/** Sends only the headers of an upload of `length` bytes, and reads the response. */
async function sendHeaders(server: TestServer, jobId: string, length = 20_000_000): Promise<string> {
  const headers = { 'content-type': multipart.type, 'content-length': String(length) };
  return readToEnd(await sendRaw(server, pathOf(jobId), { ...headers, connection: 'close' }, ''));
}

test('attachments that are already stored are not replaced, in any state of the job: the same bytes get OK, others 409', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const bytes = makeBytes(700_000);
  await server.request(pathOf(jobId), upload(bytes));
  const others = [
    makeBytes(700_000),
    bytes.subarray(0, -1),
    Buffer.concat([bytes, Buffer.from('x')]),
    Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]),
    new Uint8Array(),
  ];
  for (const change of ['none', 'claimed', 'cancelled']) {
    if (change === 'claimed') await claim(server);
    if (change === 'cancelled') {
      await server.deps.collections.jobs.updateOne({}, { $set: { 'result_data.job_state': 'cancelled' } });
    }
    t.deepEqual(await send(server, jobId, upload(bytes)), [...ok], change);
    for (const other of others) {
      t.deepEqual(await send(server, jobId, upload(other)), [...differ], `${change}, ${other.length} bytes`);
    }
  }
  t.deepEqual(await countFiles(server), [1, 3]);
  t.is(await fetchDigest(server, jobId), digest(bytes));
});

test('an empty file and attachments of a Testflinger server are compared too', async (t) => {
  const server = await startServer(t);
  const empty = await submit(server, attaching);
  await server.request(pathOf(empty), upload(new Uint8Array()));
  t.deepEqual(await send(server, empty, upload(new Uint8Array())), [...ok]);
  t.deepEqual(await send(server, empty, upload(makeBytes(1))), [...differ]);
  const adopted = await submit(server, attaching);
  const bytes = makeBytes(300_000);
  await server.request(pathOf(adopted), upload(bytes));
  await server.deps.collections.jobs.updateOne({ job_id: adopted }, { $unset: { attachments_file: '' } });
  t.deepEqual(await send(server, adopted, upload(bytes)), [...ok]);
  t.deepEqual(await send(server, adopted, upload(makeBytes(300_000))), [...differ]);
});

test('a repeated upload whose stored file has expired gets OK', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  await server.request(pathOf(jobId), upload(makeBytes(10)));
  await server.deps.collections.files.deleteMany({});
  t.deepEqual(await send(server, jobId, upload(makeBytes(20))), [...ok]);
});

test('a job that has its attachments answers OK to a request without a body, whoever sends it', async (t) => {
  const server = await startServer(t);
  const owner = bearer(server, { client_id: 'owner' });
  const jobId = await submit(server, attaching, owner);
  t.deepEqual(await send(server, jobId, { method: 'POST', headers: owner }), [...badRequest]);
  await server.request(pathOf(jobId), upload(makeBytes(10), owner));
  for (const headers of [owner, bearer(server, { client_id: 'other' }), {}]) {
    t.deepEqual(await send(server, jobId, { method: 'POST', headers }), [...ok]);
  }
  t.deepEqual(await send(server, jobId, upload(makeBytes(10))), [...notOwned]);
  t.deepEqual(await send(server, jobId, upload(makeBytes(10), owner)), [...differ]);
  const malformed = { method: 'POST', body: 'x', headers: { ...owner, 'content-type': multipart.type } };
  t.deepEqual(await send(server, jobId, malformed), [...badRequest]);
});

test('the job and its owner are checked before the body is read', async (t) => {
  const server = await startServer(t);
  const plain = await submit(server, {});
  const owned = await submit(server, attaching, bearer(server, { client_id: 'owner' }));
  t.regex(await sendHeaders(server, 'no-uuid'), /^HTTP\/1.1 400 .*Invalid job id\n$/s);
  t.regex(await sendHeaders(server, unknown), /^HTTP\/1.1 422 .*Job ID is not valid\n$/s);
  t.regex(await sendHeaders(server, plain), /^HTTP\/1.1 422 .*Job ID not awaiting attachments\n$/s);
  t.regex(await sendHeaders(server, owned), /^HTTP\/1.1 403 .*Not enough permissions on job ID/s);
  t.deepEqual(await send(server, unknown, { method: 'POST' }), [422, text, 'Job ID is not valid\n']);
  const noneAwaited = [422, text, 'Job ID not awaiting attachments\n'] as Answer;
  t.deepEqual(await send(server, plain, { method: 'POST' }), noneAwaited);
});

test('a refused upload whose client sends the whole body first gets its response', async (t) => {
  const server = await startServer(t);
  for (let i = 0; i < 3; i += 1) {
    const answer = await send(server, unknown, upload(makeBytes(5_000_000)));
    t.deepEqual(answer, [422, text, 'Job ID is not valid\n']);
  }
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('of concurrent uploads one is stored completely: those with its bytes get OK, the others 409', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const same = makeBytes(1_500_000);
  const all = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? same : makeBytes(1_500_000)));
  const answers = await Promise.all(all.map((bytes) => send(server, jobId, upload(bytes))));
  await waitForFiles(server, 1, 6);
  const stored = await fetchDigest(server, jobId);
  t.true(all.some((bytes) => digest(bytes) === stored));
  answers.forEach((answer, i) => {
    t.deepEqual(answer, digest(all[i] ?? same) === stored ? [...ok] : [...differ], `upload ${i}`);
  });
});

test('an upload that began while a job had no owner does not count for the next run, which has one', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, attaching);
  const headers = { 'content-type': multipart.type, 'content-length': '20000' };
  const socket = await sendRaw(server, pathOf(jobId), { ...headers, connection: 'close' }, '--edge\r\n');
  await server.deps.collections.jobs.updateOne({}, { $set: { 'result_data.job_state': 'cancelled' } });
  await submit(server, { ...attaching, job_id: jobId }, bearer(server, { client_id: 'owner' }));
  const rest = Buffer.concat([Buffer.from(multipart.head.slice('--edge\r\n'.length)), makeBytes(20_000)]);
  const bodyEnd = 20_000 - '--edge\r\n'.length - multipart.tail.length;
  socket.write(Buffer.concat([rest.subarray(0, bodyEnd), Buffer.from(multipart.tail)]));
  t.regex(await readToEnd(socket), /^HTTP\/1.1 422 .*Job ID not awaiting attachments\n$/s);
  t.is(await claim(server), undefined);
});
