import { randomUUID } from 'node:crypto';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { agentHeaders } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const post = (server: TestServer, body: unknown, agent = 'a') =>
  server.request(`/v1/agents/provision_logs/${agent}`, jsonBody(body, agentHeaders(server)));

async function startWithAgent(t: Parameters<typeof startServer>[0]): Promise<TestServer> {
  const server = await startServer(t);
  await server.request('/v1/agents/data/a', jsonBody({ state: 'waiting' }, agentHeaders(server)));
  return server;
}

async function readStreak(server: TestServer): Promise<unknown[]> {
  const agent = (await (await server.request('/v1/agents/data/a')).json()) as Record<string, unknown>;
  return [agent['provision_streak_type'], agent['provision_streak_count']];
}

const provision = (exit_code = 0) => ({ job_id: randomUUID(), exit_code });

test('the streak counts consecutive provisions with the same outcome, and restarts when the outcome changes', async (t) => {
  const server = await startWithAgent(t);
  const streaks: unknown[] = [await readStreak(server)];
  for (const code of [0, 0, 3, '7', 0]) {
    const posted = await post(server, { ...provision(), exit_code: code });
    t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
    streaks.push(await readStreak(server));
  }
  t.deepEqual(streaks, [
    [undefined, undefined],
    ['pass', 1],
    ['pass', 2],
    ['fail', 1],
    ['fail', 2],
    ['pass', 1],
  ]);
  const agent = (await (await server.request('/v1/agents/data/a')).json()) as object;
  t.false('recent_provisions' in agent);
});

test('fifty provisions that are posted at once, each twice, are counted once each', async (t) => {
  const server = await startWithAgent(t);
  const provisions = Array.from({ length: 50 }, () => provision());
  const answers = await Promise.all([...provisions, ...provisions].map((body) => post(server, body)));
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  t.deepEqual(await readStreak(server), ['pass', 50]);
  const logs = await server.deps.collections.provisionLogs.find().toArray();
  t.deepEqual(
    logs.map(({ name, live }) => [name, live]),
    [['a', true]],
  );
  t.deepEqual(
    logs[0]?.provision_log.map(({ job_id }) => job_id).sort(),
    provisions.map(({ job_id }) => job_id).sort(),
  );
});

test('a repeated post counts again after a minute, or immediately if its exit code differs', async (t) => {
  const server = await startWithAgent(t);
  const { agents, provisionLogs } = server.deps.collections;
  const body = { ...provision(), detail: 'first' };
  await post(server, body);
  await post(server, { ...body, detail: 'again' });
  t.deepEqual(await readStreak(server), ['pass', 1]);
  await post(server, { ...body, exit_code: 1 });
  await post(server, body);
  t.deepEqual(
    await readStreak(server),
    ['fail', 1],
    'a late repeat of the first post does not end the streak',
  );
  const earlier = new Date(Date.now() - 61_000);
  await agents.updateOne({ name: 'a' }, { $set: { 'recent_provisions.$[].at': earlier } });
  await provisionLogs.updateOne({ name: 'a' }, { $set: { 'provision_log.$[].timestamp': earlier } });
  await post(server, body);
  t.deepEqual(await readStreak(server), ['pass', 1]);
  const stored = (await provisionLogs.findOne({ name: 'a' }))?.provision_log ?? [];
  t.deepEqual(
    stored.map(({ exit_code, detail }) => [exit_code, detail]),
    [
      [0, 'first'],
      [1, 'first'],
      [0, 'first'],
    ],
  );
  t.is((await agents.findOne({ name: 'a' }))?.recent_provisions?.length, 1);
});

test('a repeat completes a post that was interrupted between its two writes', async (t) => {
  const server = await startWithAgent(t);
  const { provisionLogs } = server.deps.collections;
  const body = provision();
  await post(server, body);
  await provisionLogs.deleteMany({});
  await post(server, body);
  t.deepEqual(await readStreak(server), ['pass', 1]);
  t.is((await provisionLogs.findOne({ name: 'a' }))?.provision_log.length, 1);
});

test('the last 100 provisions are kept, including those that a Testflinger server stored', async (t) => {
  const server = await startWithAgent(t);
  const { provisionLogs } = server.deps.collections;
  const old = Array.from({ length: 100 }, (_, i) => ({
    job_id: `old ${i}`,
    exit_code: 0,
    detail: '',
    timestamp: new Date(0),
  }));
  await provisionLogs.insertOne({ name: 'a', provision_log: old });
  await post(server, { job_id: '$name', exit_code: 0, detail: '$$ROOT' });
  const stored = await provisionLogs.find().toArray();
  t.is(stored.length, 1);
  const log = stored[0]?.provision_log ?? [];
  t.is(log.length, 100);
  t.is(log[0]?.job_id, 'old 1');
  t.like(log[99], { job_id: '$name', exit_code: 0, detail: '$$ROOT' });
  t.true((log[99]?.timestamp.getTime() ?? 0) > Date.now() - 60_000);
});

test('a provision log of an unknown agent returns 404, and nothing is stored', async (t) => {
  const server = await startServer(t);
  const response = await post(server, provision(), 'nobody');
  t.deepEqual([response.status, await response.text()], [404, 'Agent not found\n']);
  t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await server.deps.collections.agents.countDocuments(), 0);
  t.is(await server.deps.collections.provisionLogs.countDocuments(), 0);
});

test('a body that is not a valid provision is refused', async (t) => {
  const server = await startWithAgent(t);
  const refused = async (body: unknown, reasons: object) => {
    const response = await post(server, body);
    t.is(response.status, 422);
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { json: reasons } });
  };
  await refused(
    {},
    {
      job_id: ['Missing data for required field.'],
      exit_code: ['Missing data for required field.'],
    },
  );
  await refused(
    { job_id: { $ne: 1 }, exit_code: 1.5, more: 1 },
    {
      job_id: ['Not a valid string.'],
      exit_code: ['Not a valid integer.'],
      more: ['Unknown field.'],
    },
  );
});
