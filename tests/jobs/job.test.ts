import test from 'ava';
import type { JobRecord } from '../../server/job/job-record.js';
import { filterBefore } from '../../server/jobs/get-job-position.js';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const canonical = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';
const t0 = Date.UTC(2026, 0, 1);

function makeJob(i: number, priority: number, age: number, state = 'waiting', data: object = {}): JobRecord {
  return {
    job_id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    live: true,
    created_at: new Date(t0 - age),
    job_priority: priority,
    job_data: { job_queue: 'q1', ...data },
    result_data: { job_state: state },
  };
}

interface Answer {
  status: number;
  type: string | null;
  body: string;
}

async function send(server: TestServer, path: string, init?: RequestInit): Promise<Answer> {
  const response = await server.request(path, init);
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

const plain = 'text/plain; charset=utf-8';
const json = (status: number, body: object): Answer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});
const action = (server: TestServer, id: string, body: unknown): Promise<Answer> =>
  send(server, `/v1/job/${id}/action`, jsonBody(body));

test('a job is shown as it was sent, with its id and the agents that it excludes', async (t) => {
  const server = await startServer(t);
  const sent = { job_queue: 'q1', name: 'n', test_data: { attachments: [{ agent: 'a' }] } };
  const job_id = await submit(server, sent, bearer(server, { client_id: 'ci' }));
  const shown = json(200, { ...sent, job_id, exclude_agents: [] });
  t.deepEqual(await send(server, `/v1/job/${job_id}`), shown);
  t.deepEqual(await send(server, `/v1/job/${job_id}/`), shown);
  t.deepEqual(await send(server, `/v1/job/${job_id}?x=1`), shown);
});

test('an unknown job gets 204, and an id that is not a UUID is refused', async (t) => {
  const server = await startServer(t);
  t.deepEqual(await send(server, `/v1/job/${canonical}`), { status: 204, type: null, body: '' });
  const refused = json(400, { message: 'Invalid job_id specified', detail: {} });
  for (const id of ['1', 'x'.repeat(4000), '%00', '%ff', '%2F..%2F', '[$ne]', `${canonical}%00`, '%7B%7D']) {
    t.deepEqual(await send(server, `/v1/job/${id}`), refused, id);
    t.deepEqual(await send(server, `/v1/job/${id}/position`), refused, id);
  }
});

test('if an older database has two jobs with the same id, the newest is shown', async (t) => {
  const server = await startServer(t);
  const { live: _live, ...older } = makeJob(1, 0, 10, 'complete', { name: 'older' });
  const { live: _mark, ...newer } = { ...makeJob(1, 0, 0), job_data: { job_queue: 'q1', name: 'newer' } };
  await server.deps.collections.jobs.insertMany([older, newer] as JobRecord[]);
  t.regex((await send(server, `/v1/job/${older.job_id}`)).body, /"newer"/);
});

test('the position is the number of jobs that would be claimed before', async (t) => {
  const server = await startServer(t);
  const records = [
    makeJob(0, 2, 0),
    makeJob(1, 1, 5),
    makeJob(2, 1, 5),
    makeJob(3, 1, 0, 'waiting', { attachments_status: 'waiting' }),
    makeJob(4, 0, 9),
    makeJob(5, -1, 99),
  ];
  const aside = [
    makeJob(10, 9, 99, 'running'),
    makeJob(11, 9, 99, 'cancelled'),
    makeJob(12, 9, 99, 'waiting', { job_queue: 'q2' }),
  ];
  await server.deps.collections.jobs.insertMany([...aside, ...records]);
  for (const [position, { job_id }] of records.entries()) {
    const answer = await send(server, `/v1/job/${job_id}/position`);
    t.deepEqual(answer, { status: 200, type: plain, body: String(position) });
  }
  t.is((await claim(server))?.['job_id'], records[0]?.job_id);
  t.is((await send(server, `/v1/job/${records[1]?.job_id}/position`)).body, '0');
});

test('a job that has started, or is unknown, has no position', async (t) => {
  const server = await startServer(t);
  const gone = { status: 410, type: plain, body: 'Job not found or already started\n' };
  t.deepEqual(await send(server, `/v1/job/${canonical}/position`), gone);
  const job_id = await submit(server);
  t.is((await send(server, `/v1/job/${job_id}/position`)).body, '0');
  await claim(server);
  t.deepEqual(await send(server, `/v1/job/${job_id}/position`), gone);
});

test('a position is counted in the claim index only, without reading a job', async (t) => {
  const server = await startServer(t, { newDatabase: true });
  const { jobs } = server.deps.collections;
  await jobs.insertMany(Array.from({ length: 500 }, (_, i) => makeJob(i, i % 5, i % 3)));
  const job = await jobs.findOne({ job_priority: 2, created_at: new Date(t0) });
  if (job === null) return t.fail();
  const ranges = filterBefore(job);
  t.is(ranges.length, 3);
  let counted = 0;
  for (const range of ranges) {
    const counting = [{ $match: range }, { $group: { _id: 1, n: { $sum: 1 } } }];
    const plan = JSON.stringify(await jobs.aggregate(counting).explain('executionStats'));
    t.regex(plan, /"indexName":"qp_waiting"/);
    t.notRegex(plan, /"stage":"(FETCH|COLLSCAN|SORT)"/);
    t.regex(plan, /"totalDocsExamined":0/);
    counted += await jobs.countDocuments(range);
  }
  t.is(String(counted), (await send(server, `/v1/job/${job.job_id}/position`)).body);
});

test('a cancel ends a waiting or running job, once', async (t) => {
  const server = await startServer(t);
  const ended = { status: 400, type: plain, body: 'The job is already completed or cancelled' };
  const done = { status: 200, type: plain, body: 'OK' };
  t.deepEqual(await action(server, canonical, { action: 'cancel' }), ended);
  const { jobs } = server.deps.collections;
  for (const [state, answer] of [
    ['waiting', done],
    ['running', done],
    ['reserve', done],
    ['cancelled', ended],
    ['complete', ended],
    ['completed', ended],
  ] as const) {
    await jobs.deleteMany({});
    await jobs.insertMany([makeJob(1, 0, 0, state), makeJob(2, 0, 0)]);
    t.deepEqual(await action(server, makeJob(1, 0, 0).job_id, { action: 'cancel' }), answer, state);
    const states = await jobs
      .find()
      .sort({ job_id: 1 })
      .map((job) => job.result_data.job_state)
      .toArray();
    t.deepEqual(states, [answer === done ? 'cancelled' : state, 'waiting']);
  }
  const any = await submit(server, { job_id: canonical, job_queue: 'q3' });
  t.deepEqual(await action(server, `%7B${any.toUpperCase()}%7D`, { action: 'cancel' }), done);
  t.is(await claim(server, ['q3']), undefined);
});

test('the body of an action is checked before its id', async (t) => {
  const server = await startServer(t);
  const refused = (reasons: object) => json(422, { message: 'Validation error', detail: { json: reasons } });
  t.deepEqual(await action(server, 'no-id', {}), refused({ action: ['Missing data for required field.'] }));
  t.deepEqual(
    await action(server, 'no-id', { action: 'start' }),
    refused({ action: ['Must be one of: cancel.'] }),
  );
  const extra = { action: 'cancel', x: 1 };
  t.deepEqual(await action(server, canonical, extra), refused({ x: ['Unknown field.'] }));
  t.deepEqual(await action(server, 'no-id', { action: 'cancel' }), {
    status: 400,
    type: plain,
    body: 'Invalid job id\n',
  });
});
