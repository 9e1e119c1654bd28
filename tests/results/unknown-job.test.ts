import test from 'ava';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import {
  insertFragments,
  makeFragment,
  postFragment,
  readLog,
  readResult,
  unknownJob,
} from '../support/results.js';
import { startServer, type TestServer } from '../support/start-server.js';
import {
  countFiles,
  makeBytes,
  multipart,
  readToEnd,
  sendRaw,
  upload,
  waitForFiles,
} from '../support/uploads.js';

const nothing = { last_fragment_number: -1, log_data: '' };
const read = async (server: TestServer, job: string) => (await readLog(server, job, '?phase=test')).test;
const artifactOf = (job: string) => `/v1/result/${job}/artifact`;
const store = (server: TestServer, job: string) =>
  server.request(artifactOf(job), upload(makeBytes(10), agentHeaders(server)));

test('fragments of an unknown id are stored once, and a job that gets the id later does not have them', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  for (const fragment_number of [0, 1, 1]) {
    const posted = await postFragment(server, job, { fragment_number, log_data: `${fragment_number};` });
    t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  }
  t.deepEqual(await read(server, job), { last_fragment_number: 1, log_data: '0;1;' });
  t.is(await submit(server, { job_id: job }), job);
  t.deepEqual(await read(server, job), nothing);
  t.deepEqual(await readResult(server, job), { job_state: 'waiting' });
  await claim(server);
  await postFragment(server, job, { log_data: 'own' });
  t.deepEqual(await read(server, job), { last_fragment_number: 0, log_data: 'own' });
  t.is(await server.deps.collections.logs.countDocuments(), 1);
});

test('a fragment that arrives while a job is submitted under its unknown id does not appear in the job', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  const { insertLogFragment } = server.deps;
  server.deps.insertLogFragment = async (fragment, bytes) => {
    await submit(server, { job_id: job });
    await insertLogFragment(fragment, bytes);
  };
  t.is((await postFragment(server, job)).status, 200);
  t.deepEqual(await read(server, job), nothing);
});

test('a job does not have the output of an expired job with its id', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  await submit(server, { job_id: job });
  await insertFragments(server, job, ['old']);
  t.is((await store(server, job)).status, 200);
  await server.deps.collections.jobs.deleteMany({});
  t.deepEqual(await read(server, job), { last_fragment_number: 0, log_data: 'old' });
  await submit(server, { job_id: job });
  t.deepEqual(await read(server, job), nothing);
  t.is((await server.request(artifactOf(job))).status, 204);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('an artifact of an unknown id is not that of a job that gets the id later', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  t.is((await store(server, job)).status, 200);
  t.is((await server.request(artifactOf(job))).status, 200);
  await submit(server, { job_id: job });
  t.is((await server.request(artifactOf(job))).status, 204);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('an artifact whose upload began before its id had a job is not that of the job', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  const bytes = makeBytes(5_000_000);
  const length = multipart.head.length + bytes.length + multipart.tail.length;
  const headers = {
    ...agentHeaders(server),
    'content-type': multipart.type,
    'content-length': `${length}`,
    connection: 'close',
  };
  const body = Buffer.concat([Buffer.from(multipart.head), bytes]);
  const socket = await sendRaw(server, artifactOf(job), headers, body);
  await waitForFiles(server, 0, 16);
  await submit(server, { job_id: job });
  socket.write(multipart.tail);
  t.regex(await readToEnd(socket), /^HTTP\/1\.1 200/);
  t.is((await server.request(artifactOf(job))).status, 204);
  t.deepEqual(await countFiles(server), [0, 0]);
});

test('two requests that submit one unknown id together, and its first fragment, disturb each other in nothing', async (t) => {
  const server = await startServer(t);
  const job = unknownJob();
  await Promise.all([submit(server, { job_id: job }), submit(server, { job_id: job })]);
  await claim(server);
  await postFragment(server, job, makeFragment());
  t.is((await read(server, job))?.log_data, 'text');
});
