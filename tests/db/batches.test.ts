import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { groupAlike } from '../../server/db/batched-writes.js';
import { isDuplicateKey } from '../../server/db/classify-error.js';
import type { JobRecord } from '../../server/db/collections.js';
import { cutLeases } from '../../server/leases/cut-leases.js';
import { addClient, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { storedJob, tellLog, tellResult } from '../support/leases.js';
import { logIn } from '../support/logins.js';
import { readLog } from '../support/results.js';
import { startServer, testMongodbUri } from '../support/start-server.js';

const many = 200;
const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

function makeJob(fields: Partial<JobRecord> = {}): JobRecord {
  return {
    job_id: randomUUID(),
    live: true,
    created_at: new Date(),
    job_priority: 0,
    job_data: { job_queue: 'q1' },
    result_data: { job_state: 'waiting' },
    ...fields,
  };
}

/** A server of which a test sees the commands that it sends to MongoDB. */
async function startWatched(t: ExecutionContext) {
  const server = await startServer(t, {
    settings: { MONGODB_URI: `${testMongodbUri()}&monitorCommands=true` },
  });
  const sent: string[] = [];
  server.deps.connection.client.on('commandStarted', ({ commandName, command }) =>
    sent.push(`${commandName} ${String(command[commandName])}`),
  );
  /** How often a command, such as `insert jobs`, was sent while something ran. */
  const count = async (command: string, run: () => Promise<unknown>) => {
    sent.length = 0;
    await run();
    return sent.filter((one) => one === command).length;
  };
  return Object.assign(server, { sent, count });
}

test('what the domain asks for at once is one command of each kind', async (t) => {
  const server = await startWatched(t);
  const { batches, collections } = server.deps;
  const jobs = times(50, () => makeJob({ lease: { holder: 'agent-1', attempt: 1 } }));
  await Promise.all(jobs.map((job) => batches.insertJob(job)));
  t.is(await collections.jobs.countDocuments(), 50);
  const found = await Promise.all(jobs.map(({ job_id: jobId }) => batches.findHeldJob(jobId)));
  t.deepEqual(
    found.map((job) => job?.job_id),
    jobs.map(({ job_id: jobId }) => jobId),
  );
  const update = [{ $set: { job_priority: 7 } }];
  const isMatched = await Promise.all(
    jobs.map(({ job_id: jobId }) => batches.updateHeldJob({ jobId, holder: 'agent-1', update })),
  );
  t.deepEqual(isMatched, new Array<boolean>(50).fill(true));
  await Promise.all(
    jobs.map((_, n) => batches.updateAgent({ name: `agent-${n}`, update: { $set: { state: 'x' } } })),
  );
  const counts = ['insert jobs', 'find jobs', 'update jobs', 'update agents', 'find agents'].map(
    (command) => server.sent.filter((one) => one === command).length,
  );
  // The agents have no records yet, which takes a second one.
  t.deepEqual(counts, [1, 1, 1, 2, 1], server.sent.join(', '));
});

test('one alone is one plain command', async (t) => {
  const server = await startWatched(t);
  const { batches } = server.deps;
  const job = makeJob();
  await batches.insertJob(job);
  await batches.findHeldJob(job.job_id);
  const update = [{ $set: { job_priority: 1 } }];
  t.false(await batches.updateHeldJob({ jobId: job.job_id, holder: 'nobody', update }));
  t.is(await batches.updateAgent({ name: 'agent-1', update: { $set: { state: 'x' } } }), null);
  const of = ['jobs', 'agents'];
  t.deepEqual(
    server.sent.filter(
      (one) =>
        of.includes(one.split(' ')[1] ?? '') &&
        !one.startsWith('createIndexes') &&
        !one.startsWith('listIndexes'),
    ),
    ['insert jobs', 'find jobs', 'update jobs', 'findAndModify agents'],
  );
});

test('of updates in one command each is told whether it found its document', async (t) => {
  const { deps } = await startServer(t);
  const jobs = times(30, (n) => makeJob({ lease: { holder: `agent-${n % 3}`, attempt: 1 } }));
  await deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const told = await Promise.allSettled(
    jobs.map(({ job_id: jobId }, n) => {
      const holder = n % 3 === 1 ? 'another' : `agent-${n % 3}`;
      // One of them fails in the database.
      const update = [{ $set: { job_priority: n === 6 ? { $divide: [1, 0] } : { $literal: n } } }];
      return deps.batches.updateHeldJob({ jobId, holder, update });
    }),
  );
  for (const [n, one] of told.entries()) {
    t.is(one.status, n === 6 ? 'rejected' : 'fulfilled', `${n}`);
    if (one.status === 'fulfilled') t.is(one.value, n % 3 !== 1, `${n}`);
    const stored = await deps.collections.jobs.findOne({ job_id: jobs[n]?.job_id ?? '' });
    t.is(stored?.job_priority, n === 6 || n % 3 === 1 ? 0 : n);
  }
});

test('updates that are alike are one statement, which changes what its senders hold and nothing else', async (t) => {
  const { count, sent, deps } = await startWatched(t);
  const secrets = { test_data: { secrets: { KEY: 'path' } } };
  const jobs = times(40, (n) =>
    makeJob({
      lease: { holder: `agent-${n}`, attempt: 1 },
      job_data: { job_queue: 'q1', ...(n === 5 && secrets) },
    }),
  );
  await deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const post = (n: number, holder: string, phase: string) => {
    const update = [{ $set: { 'result_data.job_state': { $literal: phase } } }];
    return deps.batches.updateHeldJob({ jobId: (jobs[n] as JobRecord).job_id, holder, update });
  };
  const states = async () => {
    const stored = await deps.collections.jobs.find().sort({ _id: 1 }).toArray();
    return stored.map(({ result_data }) => result_data.job_state);
  };
  const updates = await count('update jobs', async () => {
    const told = await Promise.all(
      times(20, (n) => post(n + 10, `agent-${n + 10}`, n < 10 ? 'test' : 'setup')),
    );
    t.true(told.every(Boolean));
  });
  t.is(updates, 1, sent.join(', '));
  // The agent of another job, the same job twice in the order of its posts, one with secrets, one that does not exist.
  const told = await Promise.all([
    post(0, 'agent-0', 'test'),
    post(1, 'agent-0', 'test'),
    post(2, 'agent-2', 'test'),
    post(2, 'agent-2', 'cleanup'),
    post(5, 'agent-5', 'test'),
    deps.batches.updateHeldJob({
      jobId: randomUUID(),
      holder: 'agent-0',
      update: [{ $set: { job_priority: 9 } }],
    }),
  ]);
  t.deepEqual(told, [true, false, true, true, false, false]);
  t.deepEqual(
    await states(),
    jobs.map((_, n) =>
      n === 0 ? 'test' : n === 2 ? 'cleanup' : n < 10 || n > 29 ? 'waiting' : n < 20 ? 'test' : 'setup',
    ),
  );
});

test('what agents tell alike is one statement, and those who tell for the first time get their record', async (t) => {
  const { count, deps } = await startWatched(t);
  const tell = (n: number, state: string) =>
    deps.batches.updateAgent({ name: `agent-${n}`, update: { $set: { state } } });
  const states = async () => {
    const stored = await deps.collections.agents.find().sort({ name: 1 }).toArray();
    return Object.fromEntries(stored.map(({ name, state }) => [name, state]));
  };
  await Promise.all(times(6, (n) => tell(n, 'waiting')));
  t.is(Object.keys(await states()).length, 6);
  t.is(
    await count('update agents', () => Promise.all(times(6, (n) => tell(n, n % 2 ? 'test' : 'waiting')))),
    1,
  );
  await Promise.all([tell(0, 'setup'), tell(1, 'setup'), tell(0, 'cleanup'), tell(7, 'setup')]);
  t.deepEqual(await states(), {
    'agent-0': 'cleanup',
    'agent-1': 'setup',
    'agent-2': 'waiting',
    'agent-3': 'test',
    'agent-4': 'waiting',
    'agent-5': 'test',
    'agent-7': 'setup',
  });
});

test('jobs that are submitted at once take few commands, and each caller gets the id of its own', async (t) => {
  const server = await startWatched(t);
  let ids: string[] = [];
  const inserts = await server.count('insert jobs', async () => {
    ids = await Promise.all(times(many, (n) => submit(server, { name: `job ${n}` })));
  });
  t.true(inserts < many, `${inserts} commands`);
  t.is(new Set(ids).size, many);
  for (const [n, id] of ids.entries()) t.is((await storedJob(server, id)).job_data['name'], `job ${n}`);
});

test('a job whose id is taken fails only its own caller, wherever it stands in the command', async (t) => {
  const { deps } = await startServer(t);
  const taken = makeJob();
  await deps.batches.insertJob(taken);
  const jobs = times(20, (n) => makeJob(n % 7 === 3 ? { job_id: taken.job_id } : {}));
  const told = await Promise.allSettled(jobs.map((job) => deps.batches.insertJob(job)));
  for (const [n, one] of told.entries()) {
    t.is(one.status, n % 7 === 3 ? 'rejected' : 'fulfilled', `${n}`);
    if (one.status === 'rejected') t.true(isDuplicateKey(one.reason));
  }
  const stored = await deps.collections.jobs.distinct('job_id');
  t.deepEqual(stored.sort(), [...new Set(jobs.map((job) => job.job_id))].sort());
});

test('submissions with one Idempotency-Key in one command make one job, and others beside them their own', async (t) => {
  const server = await startServer(t);
  const ids = await Promise.all(
    times(40, (n) => submit(server, {}, n % 2 === 0 ? { 'idempotency-key': `key ${n % 4}` } : {})),
  );
  const repeated = ids.filter((_, n) => n % 2 === 0);
  t.is(new Set(repeated).size, 2);
  t.is(new Set(ids).size, 22);
  t.is(await server.deps.collections.jobs.countDocuments(), 22);
});

test('jobs of one millisecond are stored in the order in which they came', async (t) => {
  const { deps } = await startServer(t);
  const created_at = new Date();
  const jobs = times(50, () => makeJob({ created_at }));
  await Promise.all(jobs.map((job) => deps.batches.insertJob(job)));
  const stored = await deps.collections.jobs.find().sort({ created_at: 1, _id: 1 }).toArray();
  t.deepEqual(
    stored.map(({ job_id }) => job_id),
    jobs.map(({ job_id }) => job_id),
  );
});

test('large jobs and small ones that are submitted at once are all stored', async (t) => {
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

test('a submission that its client gave up on in the middle takes nothing from the others', async (t) => {
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

test('of results that come at once each changes the job of its holder, and only those are taken', async (t) => {
  const server = await startWatched(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(60, (n) =>
    makeJob({
      lease: { holder: n % 10 === 4 ? 'somebody' : `agent-${n}`, attempt: 1, until },
      result_data: { job_state: n % 10 === 7 ? 'cancelled' : 'setup' },
    }),
  );
  await server.deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const tell = (n: number) =>
    tellResult(server, `agent-${n}`, jobs[n]?.job_id ?? '', { status: { setup: n }, job_state: 'test' });
  const told = await Promise.all(jobs.map((_, n) => tell(n)));
  for (const [n, { status, isDiscarded }] of told.entries()) {
    t.is(status, 200);
    t.is(isDiscarded, n % 10 === 4, `${n}`);
    const { result_data: result, lease } = await storedJob(server, jobs[n]?.job_id ?? '');
    t.deepEqual(result['status'], n % 10 === 4 ? undefined : { setup: n });
    t.is(result.job_state, n % 10 === 4 ? 'setup' : n % 10 === 7 ? 'cancelled' : 'test');
    t.is(lease?.attempt, 1);
  }
  const updates = await server.count('update jobs', () =>
    Promise.all(times(many, (n) => tell(n % 2 === 0 ? 1 : 2))),
  );
  t.true(updates < many, `${updates} commands`);
});

test('heartbeats that come at once are each stored once, those of new agents too', async (t) => {
  const server = await startServer(t);
  const tell = (name: string, body: object) =>
    server.request(`/v1/agents/data/${name}`, jsonBody(body, agentHeaders(server, name)));
  for (const round of [1, 2]) {
    const answers = await Promise.all(
      times(60, (n) => tell(`agent-${n}`, { state: `round ${round}`, log: [`line ${round} of ${n}`] })),
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

test('of heartbeats that come at once those in a foreign name are refused with AGENT_BINDING=enforce, and told else', async (t) => {
  const server = await startServer(t);
  const names = times(20, (n) => `agent-${n}`);
  const tell = (name: string, as: string) =>
    server.request(`/v1/agents/data/${name}`, jsonBody({ state: 'waiting' }, agentHeaders(server, as)));
  await Promise.all(names.map((name) => tell(name, name)));
  await Promise.all(names.map((name, n) => tell(name, n % 5 === 0 ? 'another' : name)));
  const noted = server.logged.filter(({ event }) => event === 'agent_binding').map(({ target }) => target);
  t.deepEqual(noted.sort(), ['agent-0', 'agent-10', 'agent-15', 'agent-5']);
});

test('pieces of logs that come at once take few commands, and one that is sent twice is stored once', async (t) => {
  const server = await startWatched(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(10, (n) => makeJob({ lease: { holder: `agent-${n}`, attempt: 1, until } }));
  await server.deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const tell = (n: number, number: number) =>
    tellLog(server, `agent-${n}`, jobs[n]?.job_id ?? '', number, `${number} of ${n}\n`);
  const inserts = await server.count('insert logs', async () => {
    const pieces = times(many, (n) => tell(n % 10, Math.floor(n / 10) % 15));
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

test('logins that come at once take few reads, and each gets the pass of its own client', async (t) => {
  const server = await startWatched(t);
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

test('of several documents of one job id that an older database holds the newest is found, in company too', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const [old, alone] = [makeJob(), makeJob()];
  const { live: _live, ...double } = old;
  const from = (year: number) => new Date(Date.UTC(year, 0));
  await jobs.insertMany([
    { ...double, created_at: from(2021) },
    { ...double, created_at: from(2025) },
    { ...double, created_at: from(2023) },
    alone,
  ] as JobRecord[]);
  const found = await Promise.all([old, alone, old].map(({ job_id }) => deps.batches.findHeldJob(job_id)));
  t.deepEqual(
    found.map((job) => job?.created_at),
    [from(2025), alone.created_at, from(2025)],
  );
  t.deepEqual((await deps.batches.findHeldJob(old.job_id))?.created_at, from(2025));
  t.is(await deps.batches.findHeldJob(randomUUID()), undefined);
});

test('counts that are asked for at once read each range once', async (t) => {
  const { count, deps } = await startWatched(t);
  const jobs = times(40, (n) => makeJob({ job_priority: n % 4 }));
  await deps.collections.jobs.insertMany(jobs);
  const wanted = times(60, (n) => n % 4);
  let counted: number[] = [];
  const counts = await count('aggregate jobs', async () => {
    counted = await Promise.all(
      wanted.map((job_priority) => deps.batches.countJobs({ job_priority: { $gt: job_priority } })),
    );
  });
  t.deepEqual(
    counted,
    wanted.map((priority) => 10 * (3 - priority)),
  );
  t.is(counts, 4);
});

test('the leases of agents that ask for another job at once are cut by one statement', async (t) => {
  const { count, deps } = await startWatched(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(30, (n) =>
    makeJob({ lease: { holder: `agent-${n}`, attempt: 1, until }, result_data: { job_state: 'test' } }),
  );
  await deps.collections.jobs.insertMany(jobs);
  for (const { lease } of jobs) deps.agentWatch.holds(lease?.holder as string);
  const updates = await count('update jobs', () =>
    Promise.all(times(20, (n) => cutLeases(deps, `agent-${n}`))),
  );
  t.is(updates, 1);
  const stored = await deps.collections.jobs.find().sort({ _id: 1 }).toArray();
  t.deepEqual(
    stored.map(({ lease }) => lease?.cut === true),
    jobs.map((_, n) => n < 20),
  );
});

test('changes that are alike keep the order of each document, and differ where JSON would not', (t) => {
  const group = (changes: [key: string, change: unknown][]) =>
    groupAlike(changes, { keyOf: ([key]) => key, changeOf: ([, change]) => change });
  // The second change of x joins that of y, and must not come before its first one.
  const inOrder = group([
    ['y', 'other'],
    ['y', 'b'],
    ['x', 'a'],
    ['x', 'b'],
  ]);
  t.deepEqual(inOrder, [
    [['y', 'other']],
    [['x', 'a']],
    [
      ['y', 'b'],
      ['x', 'b'],
    ],
  ]);
  t.is(
    group([
      ['x', { device: Infinity }],
      ['y', { device: null }],
    ]).length,
    2,
  );
});

test('counts run one at a time, those of the same are one, and none waits for what came after it', async (t) => {
  const server = await startWatched(t);
  const { batches, collections } = server.deps;
  await collections.jobs.insertMany(times(5, (n) => makeJob({ job_priority: n })));
  const told: string[] = [];
  const count = (name: string, from: number) =>
    batches.countJobs({ job_priority: { $gte: from } }).then((found) => told.push(`${name} ${found}`));
  const commands = await server.count('aggregate jobs', () =>
    Promise.all([count('a', 0), count('b', 3), count('c', 3), count('d', 4)]),
  );
  t.is(commands, 3);
  t.deepEqual(told, ['a 5', 'b 2', 'c 2', 'd 1']);
  const before = batches.countJobs({ job_priority: 9 });
  await new Promise(setImmediate);
  await collections.jobs.insertOne(makeJob({ job_priority: 9 }));
  // The first one may have begun before: what comes after the job sees it.
  t.is(await batches.countJobs({ job_priority: 9 }), 1);
  await before;
});

test('a result is not taken for stored because another job has two documents', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const { live: _live, ...double } = makeJob({ lease: { holder: 'agent-1', attempt: 1 } });
  const other = makeJob({ lease: { holder: 'agent-2', attempt: 1 } });
  // As an older database may hold them.
  await jobs.insertMany([{ ...double }, { ...double }, other] as JobRecord[]);
  const update = [{ $set: { job_priority: 7 } }];
  const told = await Promise.all(
    [double.job_id, other.job_id].map((jobId) =>
      deps.batches.updateHeldJob({ jobId, holder: 'agent-1', update }),
    ),
  );
  t.deepEqual(told, [true, false]);
});

test('a count that gets no answer holds up the others for two seconds at most', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const countDocuments = jobs.countDocuments.bind(jobs) as (...given: unknown[]) => Promise<number>;
  let answer: (count: number) => void = () => undefined;
  Object.assign(jobs, { countDocuments: () => new Promise<number>((told) => (answer = told)) });
  const silent = deps.batches.countJobs({ job_priority: 1 });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  Object.assign(jobs, { countDocuments });
  t.is(await deps.batches.countJobs({ job_priority: 2 }), 0);
  answer(7);
  t.is(await silent, 7);
});
