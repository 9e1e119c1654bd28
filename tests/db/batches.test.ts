import { randomUUID } from 'node:crypto';
import test from 'ava';
import { Long } from 'mongodb';
import { groupByChange } from '../../server/db/batched-writes.js';
import { isDuplicateKey } from '../../server/db/classify-error.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { cutLeases } from '../../server/leases/cut-leases.js';
import { makeJobRecord, startRecording, times } from '../support/recorded-commands.js';
import { startServer } from '../support/start-server.js';

test('simultaneous operations of one kind are sent as one command', async (t) => {
  const server = await startRecording(t);
  const { collections, ...services } = server.deps;
  const jobs = times(50, () => makeJobRecord({ lease: { holder: 'agent-1', attempt: 1 } }));
  await Promise.all(jobs.map((job) => services.insertJob(job)));
  t.is(await collections.jobs.countDocuments(), 50);
  const found = await Promise.all(jobs.map(({ job_id: jobId }) => services.findHeldJobs(jobId)));
  t.deepEqual(
    found.map(([job]) => job?.job_id),
    jobs.map(({ job_id: jobId }) => jobId),
  );
  const update = [{ $set: { job_priority: 7 } }];
  const areMatched = await Promise.all(
    jobs.map(({ job_id: jobId }) => services.updateHeldJob({ jobId, holder: 'agent-1', update })),
  );
  t.deepEqual(areMatched, new Array<boolean>(50).fill(true));
  await Promise.all(
    jobs.map((_, n) => services.updateAgent({ name: `agent-${n}`, update: { $set: { state: 'x' } } })),
  );
  const counts = ['insert jobs', 'find jobs', 'update jobs', 'update agents', 'find agents'].map(
    (command) => server.sent.filter((one) => one === command).length,
  );
  // The agents have no records yet, which takes a second update.
  t.deepEqual(counts, [1, 1, 1, 2, 1], server.sent.join(', '));
});

test('a single operation is sent as one plain command', async (t) => {
  const server = await startRecording(t);
  const services = server.deps;
  const job = makeJobRecord();
  await services.insertJob(job);
  await services.findHeldJobs(job.job_id);
  const update = [{ $set: { job_priority: 1 } }];
  t.false(await services.updateHeldJob({ jobId: job.job_id, holder: 'nobody', update }));
  const updated = await services.updateAgent({ name: 'agent-1', update: { $set: { state: 'x' } } });
  t.like(updated.record, { name: 'agent-1', state: 'x', revision: 1, write_mark: updated.mark });
  const of = ['jobs', 'agents'];
  t.deepEqual(
    server.sent.filter(
      (one) =>
        of.includes(one.split(' ')[1] ?? '') &&
        // The start makes indexes, and the watch of agents reads who holds leases, in the background.
        !one.startsWith('createIndexes') &&
        !one.startsWith('distinct') &&
        !one.startsWith('listIndexes'),
    ),
    ['insert jobs', 'find jobs', 'update jobs', 'findAndModify agents'],
  );
});

test('each update in one command returns whether it matched its document', async (t) => {
  const { deps } = await startServer(t);
  const jobs = times(30, (n) => makeJobRecord({ lease: { holder: `agent-${n % 3}`, attempt: 1 } }));
  await deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const outcomes = await Promise.allSettled(
    jobs.map(({ job_id: jobId }, n) => {
      const holder = n % 3 === 1 ? 'another' : `agent-${n % 3}`;
      // One of the updates fails in the database.
      const update = [{ $set: { job_priority: n === 6 ? { $divide: [1, 0] } : { $literal: n } } }];
      return deps.updateHeldJob({ jobId, holder, update });
    }),
  );
  for (const [n, one] of outcomes.entries()) {
    t.is(one.status, n === 6 ? 'rejected' : 'fulfilled', `${n}`);
    if (one.status === 'fulfilled') t.is(one.value, n % 3 !== 1, `${n}`);
    const stored = await deps.collections.jobs.findOne({ job_id: jobs[n]?.job_id ?? '' });
    t.is(stored?.job_priority, n === 6 || n % 3 === 1 ? 0 : n);
  }
});

test('equal updates are one statement, which changes only the jobs that the senders hold', async (t) => {
  const { count, sent, deps } = await startRecording(t);
  const secrets = { test_data: { secrets: { KEY: 'path' } } };
  const jobs = times(40, (n) =>
    makeJobRecord({
      lease: { holder: `agent-${n}`, attempt: 1 },
      job_data: { job_queue: 'q1', ...(n === 5 && secrets) },
    }),
  );
  await deps.collections.jobs.insertMany(jobs.map((job) => ({ ...job })));
  const post = (n: number, holder: string, phase: string) => {
    const update = [{ $set: { 'result_data.job_state': { $literal: phase } } }];
    return deps.updateHeldJob({ jobId: (jobs[n] as JobRecord).job_id, holder, update });
  };
  const states = async () => {
    const stored = await deps.collections.jobs.find().sort({ _id: 1 }).toArray();
    return stored.map(({ result_data }) => result_data.job_state);
  };
  const updates = await count('update jobs', async () => {
    const areMatched = await Promise.all(
      times(20, (n) => post(n + 10, `agent-${n + 10}`, n < 10 ? 'test' : 'setup')),
    );
    t.true(areMatched.every(Boolean));
  });
  t.is(updates, 1, sent.join(', '));
  // An agent of another job, two posts to the same job, a job with secrets, and a job that does not exist.
  const areMatched = await Promise.all([
    post(0, 'agent-0', 'test'),
    post(1, 'agent-0', 'test'),
    post(2, 'agent-2', 'test'),
    post(2, 'agent-2', 'cleanup'),
    post(5, 'agent-5', 'test'),
    deps.updateHeldJob({
      jobId: randomUUID(),
      holder: 'agent-0',
      update: [{ $set: { job_priority: 9 } }],
    }),
  ]);
  t.deepEqual(areMatched, [true, false, true, true, false, false]);
  t.deepEqual(
    await states(),
    jobs.map((_, n) =>
      n === 0 ? 'test' : n === 2 ? 'cleanup' : n < 10 || n > 29 ? 'waiting' : n < 20 ? 'test' : 'setup',
    ),
  );
});

test('equal posts of agents are one statement, and agents that post for the first time get a record', async (t) => {
  const { count, deps } = await startRecording(t);
  const postState = (n: number, state: string) =>
    deps.updateAgent({ name: `agent-${n}`, update: { $set: { state } } });
  const states = async () => {
    const stored = await deps.collections.agents.find().sort({ name: 1 }).toArray();
    return Object.fromEntries(stored.map(({ name, state }) => [name, state]));
  };
  await Promise.all(times(6, (n) => postState(n, 'waiting')));
  t.is(Object.keys(await states()).length, 6);
  t.is(
    await count('update agents', () =>
      Promise.all(times(6, (n) => postState(n, n % 2 ? 'test' : 'waiting'))),
    ),
    1,
  );
  await Promise.all([
    postState(0, 'setup'),
    postState(1, 'setup'),
    postState(0, 'cleanup'),
    postState(7, 'setup'),
  ]);
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

test('a job whose id is taken fails only for its own caller, at any position in the command', async (t) => {
  const { deps } = await startServer(t);
  const taken = makeJobRecord();
  await deps.insertJob(taken);
  const jobs = times(20, (n) => makeJobRecord(n % 7 === 3 ? { job_id: taken.job_id } : {}));
  const outcomes = await Promise.allSettled(jobs.map((job) => deps.insertJob(job)));
  for (const [n, one] of outcomes.entries()) {
    t.is(one.status, n % 7 === 3 ? 'rejected' : 'fulfilled', `${n}`);
    if (one.status === 'rejected') t.true(isDuplicateKey(one.reason));
  }
  const stored = await deps.collections.jobs.distinct('job_id');
  t.deepEqual(stored.sort(), [...new Set(jobs.map((job) => job.job_id))].sort());
});

test('jobs of the same millisecond are stored in the order in which they arrived', async (t) => {
  const { deps } = await startServer(t);
  const created_at = new Date();
  const jobs = times(50, () => makeJobRecord({ created_at }));
  await Promise.all(jobs.map((job) => deps.insertJob(job)));
  const stored = await deps.collections.jobs.find().sort({ created_at: 1, _id: 1 }).toArray();
  t.deepEqual(
    stored.map(({ job_id }) => job_id),
    jobs.map(({ job_id }) => job_id),
  );
});

test('if an older database has several documents with one job id, the newest is found, also in a batch', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const [old, alone] = [makeJobRecord(), makeJobRecord()];
  const { live: _live, ...double } = old;
  const from = (year: number) => new Date(Date.UTC(year, 0));
  await jobs.insertMany([
    { ...double, created_at: from(2021) },
    { ...double, created_at: from(2025) },
    { ...double, created_at: from(2023) },
    alone,
  ] as JobRecord[]);
  const found = await Promise.all([old, alone, old].map(({ job_id }) => deps.findHeldJobs(job_id)));
  t.deepEqual(
    found.map(([job]) => job?.created_at),
    [from(2025), alone.created_at, from(2025)],
  );
  const all = await deps.findHeldJobs(old.job_id);
  t.deepEqual(
    all.map((job) => job.created_at),
    [from(2025), from(2023), from(2021)],
  );
  t.deepEqual(await deps.findHeldJobs(randomUUID()), []);
});

test('jobs that are read at once with two projections take two commands, and each caller gets its own fields', async (t) => {
  const server = await startRecording(t);
  const { findJobs, insertJob } = server.deps;
  const jobs = times(10, (n) => makeJobRecord({ job_priority: n }));
  await Promise.all(jobs.map((job) => insertJob(job)));
  server.sent.length = 0;
  const [priority, data] = [{ job_priority: 1 }, { job_data: 1 }];
  const found = await Promise.all(
    [...jobs, ...jobs].map(({ job_id: jobId }, n) =>
      findJobs({ jobId, projection: n < 10 ? priority : data }),
    ),
  );
  found.forEach(([job], n) => {
    const stored = jobs[n % 10];
    t.is(job?.job_id, stored?.job_id);
    t.deepEqual([job?.job_priority, job?.job_data], n < 10 ? [n, undefined] : [undefined, stored?.job_data]);
  });
  t.is(server.sent.filter((one) => one === 'find jobs').length, 2);
});

test('simultaneous counts read each range once', async (t) => {
  const { count, deps } = await startRecording(t);
  const jobs = times(40, (n) => makeJobRecord({ job_priority: n % 4 }));
  await deps.collections.jobs.insertMany(jobs);
  const wanted = times(60, (n) => n % 4);
  let counted: number[] = [];
  const counts = await count('aggregate jobs', async () => {
    counted = await Promise.all(
      wanted.map((job_priority) => deps.countJobs({ job_priority: { $gt: job_priority } })),
    );
  });
  t.deepEqual(
    counted,
    wanted.map((priority) => 10 * (3 - priority)),
  );
  t.is(counts, 4);
});

test('counts of ranges that differ in the last digit of a 64-bit integer are two counts', async (t) => {
  const { deps } = await startServer(t);
  const large = Long.fromString('1234567890123456789');
  await deps.collections.jobs.insertOne(makeJobRecord({ job_priority: large as unknown as number }));
  const counts = [large.sub(1), large, large.sub(1)].map((bound) =>
    deps.countJobs({ job_priority: { $gt: bound } } as object),
  );
  t.deepEqual(await Promise.all(counts), [1, 0, 1]);
});

test('one statement cuts the leases of agents that ask for another job at once', async (t) => {
  const { count, deps } = await startRecording(t);
  const until = new Date(Date.now() + 900_000);
  const jobs = times(30, (n) =>
    makeJobRecord({ lease: { holder: `agent-${n}`, attempt: 1, until }, result_data: { job_state: 'test' } }),
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

test('grouping equal changes keeps the order of each document, and separates values that are equal only as JSON', (t) => {
  const group = (changes: [key: string, change: unknown][]) =>
    groupByChange(changes, { keyOf: ([key]) => key, changeOf: ([, change]) => change });
  // The second change of x is grouped with that of y, and must not come before the first change of x.
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

test('counts run one at a time, equal counts run once, and no count waits for a later one', async (t) => {
  const server = await startRecording(t);
  const { collections, ...services } = server.deps;
  await collections.jobs.insertMany(times(5, (n) => makeJobRecord({ job_priority: n })));
  const order: string[] = [];
  const count = (name: string, from: number) =>
    services.countJobs({ job_priority: { $gte: from } }).then((found) => order.push(`${name} ${found}`));
  const commands = await server.count('aggregate jobs', () =>
    Promise.all([count('a', 0), count('b', 3), count('c', 3), count('d', 4)]),
  );
  t.is(commands, 3);
  t.deepEqual(order, ['a 5', 'b 2', 'c 2', 'd 1']);
  const before = services.countJobs({ job_priority: 9 });
  await new Promise(setImmediate);
  await collections.jobs.insertOne(makeJobRecord({ job_priority: 9 }));
  // The first count may have started before the insert. A count after the insert includes the job.
  t.is(await services.countJobs({ job_priority: 9 }), 1);
  await before;
});

test('a result of a job that the agent does not hold is not reported as stored if another job has two documents', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const { live: _live, ...double } = makeJobRecord({ lease: { holder: 'agent-1', attempt: 1 } });
  const other = makeJobRecord({ lease: { holder: 'agent-2', attempt: 1 } });
  // As an older database may hold them.
  await jobs.insertMany([{ ...double }, { ...double }, other] as JobRecord[]);
  const update = [{ $set: { job_priority: 7 } }];
  const areMatched = await Promise.all(
    [double.job_id, other.job_id].map((jobId) => deps.updateHeldJob({ jobId, holder: 'agent-1', update })),
  );
  t.deepEqual(areMatched, [false, false], 'none of the two is known to be the live one');
});

test('a count that gets no response delays the others by at most two seconds', async (t) => {
  const { deps } = await startServer(t);
  const { jobs } = deps.collections;
  const countDocuments = jobs.countDocuments.bind(jobs) as (...given: unknown[]) => Promise<number>;
  let respond: (count: number) => void = () => undefined;
  Object.assign(jobs, { countDocuments: () => new Promise<number>((resolve) => (respond = resolve)) });
  const silent = deps.countJobs({ job_priority: 1 });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  Object.assign(jobs, { countDocuments });
  t.is(await deps.countJobs({ job_priority: 2 }), 0);
  respond(7);
  t.is(await silent, 7);
});
