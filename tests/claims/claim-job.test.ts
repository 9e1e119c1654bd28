import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import type { Document } from 'mongodb';
import { claimOrder, filterClaimable } from '../../server/claims/claim-one.js';
import { claimRoutes } from '../../server/claims/routes.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { bearer } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const t0 = Date.UTC(2026, 0, 1);

function makeJob(i: number, priority: number, age: number, queue = 'q1', data: object = {}): JobRecord {
  return {
    job_id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    live: true,
    created_at: new Date(t0 - age),
    job_priority: priority,
    job_data: { job_queue: queue, ...data },
    result_data: { job_state: 'waiting' },
  };
}

async function drain(server: TestServer, queues: string[], agent?: string): Promise<unknown[]> {
  const claimed: unknown[] = [];
  for (;;) {
    const job = await claim(server, queues, agent);
    if (job === undefined) return claimed;
    claimed.push(job['job_id']);
  }
}

const statusAndText = async (response: Response): Promise<[number, string]> => [
  response.status,
  await response.text(),
];
const error = (message: string) => JSON.stringify({ message, detail: {} });

test('jobs are claimed by priority, then age, then order of arrival, over all named queues', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const some = fc.array(
    fc.record({
      priority: fc.integer({ min: -2, max: 3 }),
      age: fc.integer({ min: 0, max: 3 }),
      queue: fc.constantFrom('a', 'b', 'c'),
    }),
    { minLength: 1, maxLength: 12 },
  );
  const property = fc.asyncProperty(some, async (specs) => {
    await jobs.deleteMany({});
    const records = specs.map(({ priority, age, queue }, i) => makeJob(i, priority, age, queue));
    await jobs.insertMany(records, { ordered: true });
    const wanted = records
      .filter((job) => job.job_data.job_queue !== 'c')
      .sort(
        (a, b) =>
          b.job_priority - a.job_priority ||
          a.created_at.getTime() - b.created_at.getTime() ||
          a.job_id.localeCompare(b.job_id),
      );
    t.deepEqual(
      await drain(server, ['a', 'b']),
      wanted.map((job) => job.job_id),
    );
  });
  await fc.assert(property, { numRuns: 12 });
  t.pass();
});

test('an agent that a job excludes does not get it, and other agents do', async (t) => {
  const server = await startServer(t);
  await server.deps.collections.agents.insertOne({ name: 'b', queues: ['q1'] });
  const first = await submit(server, { exclude_agents: ['a', 'a b'] });
  const second = await submit(server);
  t.is((await claim(server, ['q1'], 'a'))?.['job_id'], second);
  t.is(await claim(server, ['q1'], 'a%20b'), undefined);
  const claimed = await claim(server, ['q1'], 'b');
  t.is(claimed?.['job_id'], first);
  t.deepEqual(claimed?.['exclude_agents'], ['a', 'a b']);
});

test('a job that waits for attachments is claimed once they are uploaded', async (t) => {
  const server = await startServer(t);
  const job_id = await submit(server, { test_data: { attachments: [{ agent: 'a' }] } });
  t.is(await claim(server), undefined);
  const complete = { $set: { 'job_data.attachments_status': 'complete' as const } };
  await server.deps.collections.jobs.updateOne({ job_id }, complete);
  t.is((await claim(server))?.['attachments_status'], 'complete');
});

test('a claim stores state, holder, attempt and start time, and the response contains the start time', async (t) => {
  const server = await startServer(t);
  const before = Date.now();
  const job_id = await submit(server, { name: 'n' });
  const response = await server.request('/v1/job?queue=q0&queue=q1&queue=q1', {
    headers: agentHeaders(server, 'lab%C3%A9%201'),
  });
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json');
  const answer = (await response.json()) as { started_at: string };
  const stored = await server.deps.collections.jobs.findOne({ job_id });
  t.is(stored?.result_data.job_state, 'running');
  const started = stored?.started_at?.getTime() ?? 0;
  t.deepEqual(stored?.lease, {
    holder: 'labé 1',
    client_id: 'client of lab%C3%A9%201',
    attempt: 1,
    until: new Date(started + 900_000),
  });
  t.true(started >= before - 60_000 && started <= Date.now() + 60_000);
  t.regex(answer.started_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/);
  t.is(Date.parse(answer.started_at), started);
  const { started_at: _at, ...rest } = answer;
  t.deepEqual(rest as object, { job_queue: 'q1', name: 'n', job_id, exclude_agents: [] });
});

test('without a job the response is an immediate 204 without a body', async (t) => {
  const server = await startServer(t);
  const response = await server.request('/v1/job?queue=q1', { headers: agentHeaders(server) });
  t.deepEqual(await statusAndText(response), [204, '']);
  t.is(response.headers.get('content-type'), null);
});

test('role, queue and cookie are checked in this order, and other query fields are ignored', async (t) => {
  const server = await startServer(t);
  await submit(server);
  const headers = bearer(server, { client_id: 'x', role: 'agent' });
  const needsRole = error('Specified action requires role: agent');
  const cookie = { cookie: 'agent_name=a' };
  t.deepEqual(await statusAndText(await server.request('/v1/job')), [403, needsRole]);
  for (const role of ['admin', 'manager', 'contributor', 'root']) {
    const other = { headers: { ...bearer(server, { role }), ...cookie } };
    t.deepEqual(await statusAndText(await server.request('/v1/job?queue=q1', other)), [403, needsRole]);
  }
  const noQueue: [number, string] = [400, error('No queue(s) specified in request')];
  t.deepEqual(await statusAndText(await server.request('/v1/job', { headers })), noQueue);
  t.deepEqual(await statusAndText(await server.request('/v1/job?queues=q1', { headers })), noQueue);
  const noAgent: [number, string] = [401, error('Agent not identified')];
  t.deepEqual(await statusAndText(await server.request('/v1/job?queue=q1', { headers })), noAgent);
  for (const value of ['agent_name=', 'agent=a', 'agent_names=a']) {
    const wrong = { headers: { ...headers, cookie: value } };
    t.deepEqual(await statusAndText(await server.request('/v1/job?queue=q1', wrong)), noAgent, value);
  }
  const right = { headers: { ...headers, ...cookie } };
  t.is((await server.request('/v1/job?x=1&queue=q1&queue[$ne]=2', right)).status, 200);
});

test('HEAD claims no job', async (t) => {
  const server = await startServer(t);
  const job_id = await submit(server);
  const response = await server.request('/v1/job?queue=q1', {
    method: 'HEAD',
    headers: agentHeaders(server),
  });
  t.is(response.status, 405);
  t.is(response.headers.get('allow'), 'GET, POST');
  t.is((await claim(server))?.['job_id'], job_id);
});

test('50 concurrent claims of 50 jobs over two servers return 50 different jobs', async (t) => {
  const server = await startServer(t);
  const second = await startServer(t, { database: server.deps.collections.jobs.dbName });
  const jobs = Array.from({ length: 50 }, (_, i) => makeJob(i, i % 3, i, `q${i % 4}`));
  await server.deps.collections.jobs.insertMany(jobs);
  const queues = ['q0', 'q1', 'q2', 'q3'];
  const claims = await Promise.all(jobs.map((_, i) => claim(i % 2 ? server : second, queues, `agent-${i}`)));
  t.deepEqual(claims.map((job) => job?.['job_id']).sort(), jobs.map((job) => job.job_id).sort());
  const holders = await server.deps.collections.jobs.distinct('lease.holder');
  t.is(holders.length, 50);
  t.is(await claim(server, queues), undefined);
});

test('secrets of a job from an older database are sent as empty texts, never as their paths', async (t) => {
  const server = await startServer(t);
  const secrets = { test_data: { test_cmds: 'x', secrets: { TOKEN: 'team/token' } }, client_id: 'ci' };
  await server.deps.collections.jobs.insertOne(makeJob(1, 0, 0, 'q1', secrets));
  const job = await claim(server);
  t.deepEqual(job?.['test_data'], { test_cmds: 'x', secrets: { TOKEN: '' } });
  t.is(job?.['client_id'], 'ci');
});

test('a job whose claimer has disconnected returns to its place in the queue', async (t) => {
  const server = await startServer(t);
  const first = await submit(server);
  await submit(server);
  const { hostname, port } = new URL(server.url);
  const { authorization, cookie } = agentHeaders(server) as { authorization: string; cookie: string };
  const request = `GET /v1/job?queue=q1 HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nCookie: ${cookie}\r\n\r\n`;
  const { connection, collections } = server.deps;
  let attempts = 0;
  for (const leave of ['destroy', 'resetAndDestroy'] as const) {
    // A transaction locks the jobs, so that the claim does not finish before the test allows it.
    const session = connection.client.startSession();
    session.startTransaction();
    await collections.jobs.updateMany({}, { $set: { held: true } } as object, { session });
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(request);
    await wait(500);
    socket[leave]();
    await wait(100);
    await session.abortTransaction();
    await session.endSession();
    const stored = () => collections.jobs.findOne({ job_id: first });
    attempts += 1;
    const isBack = async () => {
      const job = await stored();
      return job?.lease?.attempt === attempts && job.result_data.job_state === 'waiting';
    };
    for (let i = 0; i < 200 && !(await isBack()); i += 1) await wait(25);
    t.true(await isBack(), leave);
  }
  t.is((await claim(server))?.['job_id'], first);
});

test('a claim whose response was not delivered is undone, unless the job has changed since', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const job_id = await submit(server);
  const stored = () => jobs.findOne({ job_id });
  const before = await stored();
  const route = claimRoutes.find(({ path }) => path === '/v1/job');
  const request = {
    query: { queue: ['q1'] },
    principal: { kind: 'agent', role: 'agent', agentName: 'a', source: 'local', requestId: 'r' },
    isGone: () => false,
    noteJob: () => undefined,
    waitSeconds: 0,
  };
  const reply = await route?.handle(server.deps, request as never);
  t.is((await stored())?.result_data.job_state, 'running');
  await reply?.undoIfUnsent?.();
  const { wake_at: wokenAt, ...after } = (await stored()) ?? {};
  t.true(wokenAt instanceof Date);
  t.deepEqual(after, { ...before, lease: { attempt: 1 } } as never);
  const again = await route?.handle(server.deps, request as never);
  await jobs.updateOne({ job_id }, { $set: { 'result_data.job_state': 'setup' } });
  await again?.undoIfUnsent?.();
  t.is((await stored())?.result_data.job_state, 'setup');
  await jobs.updateOne(
    { job_id },
    { $set: { 'result_data.job_state': 'running' }, $inc: { 'lease.attempt': 1 } },
  );
  await again?.undoIfUnsent?.();
  t.is((await stored())?.result_data.job_state, 'running');
  const gone = await route?.handle(server.deps, { ...request, isGone: () => true } as never);
  t.is(gone?.status, 204);
});

/** Lists the names of the stages of a plan in all its branches, from the top down. */
function stagesOf(plan: Document): string[] {
  const inputs = [plan['inputStage'], ...((plan['inputStages'] as Document[]) ?? [])].filter(Boolean);
  return [plan['stage'] as string, ...inputs.flatMap((input) => stagesOf(input as Document))];
}

for (const count of [1, 20]) {
  test(`a claim over ${count} queue(s) reads the claim index and one document, without a sort`, async (t) => {
    const server = await startServer(t, { newDatabase: true });
    const { jobs } = server.deps.collections;
    const many = Array.from({ length: 2000 }, (_, i) => makeJob(i, i % 7, i % 50, `q${i % 20}`));
    const awaiting = Array.from({ length: 500 }, (_, i) =>
      makeJob(2000 + i, 9, i, `q${i % 20}`, { attachments_status: i % 3 === 0 ? 'complete' : 'waiting' }),
    );
    await jobs.insertMany([...many, ...awaiting]);
    const queues = Array.from({ length: count }, (_, i) => `q${i}`);
    const explained = await jobs
      .find(filterClaimable({ queues, agent: 'a' }), await server.deps.claimHints.claimable.load())
      .sort(claimOrder)
      .limit(1)
      .explain('executionStats');
    const { winningPlan } = explained['queryPlanner'] as { winningPlan: Document };
    const stages = stagesOf(winningPlan);
    t.true(stages.includes('IXSCAN'));
    t.false(stages.includes('SORT') || stages.includes('COLLSCAN'), stages.join());
    t.true(JSON.stringify(winningPlan).includes('"indexName":"qp_claimable"'));
    t.is(explained['executionStats'].totalDocsExamined, 1);
    t.true(explained['executionStats'].totalKeysExamined <= count + 1);
    // Check the real statement too, not only the equivalent query above.
    await server.deps.connection.db.command({ profile: 2 });
    await claim(server, queues);
    await server.deps.connection.db.command({ profile: 0 });
    const [claimed] = await server.deps.connection.db
      .collection('system.profile')
      .find({ 'command.findAndModify': 'jobs' })
      .toArray();
    t.is(claimed?.['docsExamined'], 1);
    t.regex(String(claimed?.['planSummary']), /result_data\.job_state: -1.*job_priority: -1/);
    t.false('hasSortStage' in (claimed ?? {}));
  });
}
