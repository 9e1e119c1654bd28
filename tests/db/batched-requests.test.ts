import test from 'ava';
import { addClient, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { sendLog, sendResult, storedJob } from '../support/leases.js';
import { logIn } from '../support/logins.js';
import { makeJobRecord, startRecording, times } from '../support/recorded-commands.js';
import { readLog } from '../support/results.js';
import { startServer } from '../support/start-server.js';

const many = 200;

test('simultaneous submissions take few commands, and each caller gets the id of its own job', async (t) => {
  const server = await startRecording(t);
  let ids: string[] = [];
  const inserts = await server.count('insert jobs', async () => {
    ids = await Promise.all(times(many, (n) => submit(server, { name: `job ${n}` })));
  });
  t.true(inserts < many, `${inserts} commands`);
  t.is(new Set(ids).size, many);
  for (const [n, id] of ids.entries()) t.is((await storedJob(server, id)).job_data['name'], `job ${n}`);
});

test('submissions with the same Idempotency-Key in one command create one job, and other submissions create their own', async (t) => {
  const server = await startServer(t);
  const ids = await Promise.all(
    times(40, (n) => submit(server, {}, n % 2 === 0 ? { 'idempotency-key': `key ${n % 4}` } : {})),
  );
  const repeated = ids.filter((_, n) => n % 2 === 0);
  t.is(new Set(repeated).size, 2);
  t.is(new Set(ids).size, 22);
  t.is(await server.deps.collections.jobs.countDocuments(), 22);
});

test('large and small jobs that are submitted at once are all stored', async (t) => {
  const server = await startServer(t);
  const megabytes = (n: number) => [0, 3, 0, 5, 1, 0][n % 6] as number;
  const ids = await Promise.all(
    times(12, (n) => submit(server, { test_data: { test_cmds: 'x'.repeat(megabytes(n) * 1_000_000) } })),
  );
  for (const [n, id] of ids.entries()) {
    const { job_data: data } = await storedJob(server, id);
    t.is((data['test_data'] as { test_cmds: string }).test_cmds.length, megabytes(n) * 1_000_000);
  }
});

test('a submission that its client aborts does not affect the others', async (t) => {
  const server = await startServer(t);
  const answers = await Promise.allSettled(
    times(60, async (n) => {
      const gone = new AbortController();
      const answer = server.request('/v1/job', { ...jsonBody({ job_queue: `q${n}` }), signal: gone.signal });
      if (n % 3 === 0) setTimeout(() => gone.abort(), n / 10);
      const response = await answer;
      return [response.status, ((await response.json()) as { job_id: string }).job_id] as const;
    }),
  );
  for (const [n, answer] of answers.entries()) {
    if (answer.status === 'rejected') t.is(n % 3, 0);
    else {
      const [status, id] = answer.value;
      t.is(status, 200);
      t.is((await storedJob(server, id)).job_data.job_queue, `q${n}`);
    }
  }
  t.is(await server.deps.collections.jobs.countDocuments({ 'job_data.job_queue': 'q1' }), 1);
});

test('each of many simultaneous results changes the job of its sender, and only results of the holder are stored', async (t) => {
  const server = await startRecording(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(60, (n) =>
    makeJobRecord({
      lease: { holder: n % 10 === 4 ? 'somebody' : `agent-${n}`, attempt: 1, until },
      result_data: { job_state: n % 10 === 7 ? 'cancelled' : 'setup' },
    }),
  );
  await server.deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const postResult = (n: number) =>
    sendResult(server, `agent-${n}`, jobs[n]?.job_id ?? '', { status: { setup: n }, job_state: 'test' });
  const responses = await Promise.all(jobs.map((_, n) => postResult(n)));
  for (const [n, { status, isDiscarded }] of responses.entries()) {
    t.is(status, 200);
    t.is(isDiscarded, n % 10 === 4, `${n}`);
    const { result_data: result, lease } = await storedJob(server, jobs[n]?.job_id ?? '');
    t.deepEqual(result['status'], n % 10 === 4 ? undefined : { setup: n });
    t.is(result.job_state, n % 10 === 4 ? 'setup' : n % 10 === 7 ? 'cancelled' : 'test');
    t.is(lease?.attempt, 1);
  }
  const updates = await server.count('update jobs', () =>
    Promise.all(times(many, (n) => postResult(n % 2 === 0 ? 1 : 2))),
  );
  t.true(updates < many, `${updates} commands`);
});

test('simultaneous heartbeats are each stored once, including those of new agents', async (t) => {
  const server = await startServer(t);
  const heartbeat = (name: string, body: object) =>
    server.request(`/v1/agents/data/${name}`, jsonBody(body, agentHeaders(server, name)));
  for (const round of [1, 2]) {
    const answers = await Promise.all(
      times(60, (n) => heartbeat(`agent-${n}`, { state: `round ${round}`, log: [`line ${round} of ${n}`] })),
    );
    t.true(answers.every(({ status }) => status === 200));
  }
  const agents = await server.deps.collections.agents.find().toArray();
  t.is(agents.length, 60);
  for (const { name, state, log, bound_to } of agents) {
    const n = name.slice('agent-'.length);
    t.is(state, 'round 2');
    t.deepEqual(log, [`line 1 of ${n}`, `line 2 of ${n}`]);
    t.is(bound_to, `client of ${name}`);
  }
});

test('without AGENT_BINDING=enforce, only the simultaneous heartbeats under the name of another client are logged', async (t) => {
  const server = await startServer(t);
  const names = times(20, (n) => `agent-${n}`);
  const heartbeat = (name: string, as: string) =>
    server.request(`/v1/agents/data/${name}`, jsonBody({ state: 'waiting' }, agentHeaders(server, as)));
  await Promise.all(names.map((name) => heartbeat(name, name)));
  await Promise.all(names.map((name, n) => heartbeat(name, n % 5 === 0 ? 'another' : name)));
  const logged = server.logged.filter(({ event }) => event === 'agent_binding').map(({ target }) => target);
  t.deepEqual(logged.sort(), ['agent-0', 'agent-10', 'agent-15', 'agent-5']);
});

test('simultaneous log fragments take few commands, and a fragment that is sent twice is stored once', async (t) => {
  const server = await startRecording(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(10, (n) => makeJobRecord({ lease: { holder: `agent-${n}`, attempt: 1, until } }));
  await server.deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const postFragment = (n: number, number: number) =>
    sendLog(server, `agent-${n}`, jobs[n]?.job_id ?? '', number, `${number} of ${n}\n`);
  const inserts = await server.count('insert logs', async () => {
    const pieces = times(many, (n) => postFragment(n % 10, Math.floor(n / 10) % 15));
    for (const { status } of await Promise.all(pieces)) t.is(status, 200);
  });
  const reads = server.sent.filter((command) => command === 'find jobs').length;
  t.true(inserts < many, `${inserts} commands`);
  t.true(reads < many, `${reads} reads`);
  for (const [n, job] of jobs.entries()) {
    const { log_data: text } = (await readLog(server, job.job_id))['test'] ?? { log_data: '' };
    t.is(text, times(15, (number) => `${number} of ${n}\n`).join(''));
  }
});

test('simultaneous logins take few reads, and each gets the access token of its own client', async (t) => {
  const server = await startRecording(t);
  const clients = times(10, (n) => `client-${n}`);
  for (const [n, client_id] of clients.entries())
    await addClient(server, { client_id, max_priority: { q1: n } }, `secret of ${client_id}`);
  for (const id of clients) t.is((await logIn(server, id, `secret of ${id}`)).status, 200);
  const reads = await server.count('find client_permissions', async () => {
    const answers = await Promise.all(
      times(many, (n) => logIn(server, clients[n % 10] ?? '', `secret of ${clients[n % 10]}`)),
    );
    for (const [n, { status, body }] of answers.entries()) {
      t.is(status, 200);
      const claims = JSON.parse(Buffer.from(body.split('.')[1] ?? '', 'base64url').toString()) as object;
      t.like(claims, { permissions: { client_id: clients[n % 10], max_priority: { q1: n % 10 } } });
    }
  });
  t.true(reads < many, `${reads} reads`);
});
