import test from 'ava';
import fc from 'fast-check';
import { type Document, MongoNetworkError } from 'mongodb';
import { type ClaimOutcome, claimTogether } from '../../server/claims/claim-together.js';
import type { Claimer } from '../../server/claims/claimer.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';

const t0 = Date.now();

function makeJob(
  i: number,
  fields: { priority?: number; age?: number; queue?: string; data?: object } = {},
): JobRecord {
  const { priority = 0, age = 0, queue = 'q1', data = {} } = fields;
  return {
    job_id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    live: true,
    created_at: new Date(t0 - 1000 * age + i),
    job_priority: priority,
    job_data: { job_queue: queue, ...data },
    result_data: { job_state: 'waiting' },
  };
}

const makeJobs = (count: number, queue = 'q1') =>
  Array.from({ length: count }, (_, i) => makeJob(i, { queue }));
const makeClaimers = (count: number, queues = ['q1']): Claimer[] =>
  Array.from({ length: count }, (_, i) => ({ queues, agent: `agent-${i}` }));
const jobIdOf = (outcome: ClaimOutcome) => (outcome instanceof Error ? 'error' : outcome?.job_id);

/** Returns the profile of the MongoDB commands on jobs that `action` runs. */
async function commandsOf({ deps }: TestServer, action: () => Promise<unknown>): Promise<Document[]> {
  const { db } = deps.connection;
  await db.collection('system.profile').drop();
  await db.command({ profile: 2 });
  await action();
  await db.command({ profile: 0 });
  return (
    db
      .collection('system.profile')
      // The start looks for replaced indexes in the background, and for agents that hold jobs.
      .find({
        ns: /\.jobs$/,
        'command.listIndexes': { $exists: false },
        'command.distinct': { $exists: false },
      })
      .sort({ ts: 1 })
      .toArray()
  );
}

/** Returns the names of the commands. The writes of one command count once. */
function namesOf(commands: readonly Document[]): string[] {
  const names = commands.map(({ op, command }) =>
    op === 'update' ? 'update' : (Object.keys(command as object)[0] as string),
  );
  return names.filter((name, i) => name !== 'update' || names[i - 1] !== 'update');
}

test('concurrent claims of the same queues are served by one query and one write command, in strict order', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const stored = makeJobs(40).map((job, i) => ({ ...job, job_priority: i % 3 }));
  await jobs.insertMany(stored);
  const claimers = makeClaimers(64, ['q1', 'q2']);
  let outcomes: ClaimOutcome[] = [];
  const commands = await commandsOf(server, async () => {
    outcomes = await claimTogether(server.deps, claimers);
  });
  t.deepEqual(namesOf(commands), ['find', 'update']);
  for (const { hasSortStage, docsExamined } of commands) {
    t.falsy(hasSortStage);
    t.true(docsExamined <= 40);
  }
  const wanted = stored.toSorted((a, b) => b.job_priority - a.job_priority || +a.created_at - +b.created_at);
  t.deepEqual(
    outcomes.map(jobIdOf),
    claimers.map((_, i) => wanted[i]?.job_id),
  );
  for (const [i, { agent }] of claimers.slice(0, 40).entries()) {
    const job = await jobs.findOne({ job_id: wanted[i]?.job_id as string });
    t.like(job, { result_data: { job_state: 'running' }, lease: { holder: agent, attempt: 1 } });
    const returned = outcomes[i] as JobRecord;
    t.deepEqual(returned.started_at, job?.started_at);
    t.like(returned, { job_id: job?.job_id, job_data: job?.job_data, lease: { holder: agent, attempt: 1 } });
    t.true((job?.lease?.until?.getTime() ?? 0) > Date.now() + 800_000);
  }
});

test('a single claim is one statement, and concurrent claims that find nothing are one query', async (t) => {
  const server = await startServer(t);
  const { deps } = server;
  t.deepEqual(namesOf(await commandsOf(server, () => claimTogether(deps, makeClaimers(1)))), [
    'findAndModify',
  ]);
  t.deepEqual(namesOf(await commandsOf(server, () => claimTogether(deps, makeClaimers(64)))), ['find']);
  const many = makeClaimers(64).map(({ agent }, i) => ({ agent, queues: [`queue ${i}`, 'shared'] }));
  t.deepEqual(namesOf(await commandsOf(server, () => claimTogether(deps, many))), ['aggregate']);
  await deps.collections.jobs.insertMany(
    Array.from({ length: 3000 }, (_, i) => makeJob(i, { queue: `queue ${i % 10}`, priority: i % 3 })),
  );
  const commands = await commandsOf(server, () => claimTogether(deps, many));
  t.deepEqual(namesOf(commands), ['aggregate', 'update']);
  t.like(
    commands[0],
    { keysExamined: 10, docsExamined: 10 },
    'one document per queue, however many jobs wait',
  );
  t.falsy(commands[0]?.hasSortStage);
});

/** Returns the job ids that the claimers would get if they were served one after the other. */
function serveInTurn(jobs: readonly JobRecord[], claimers: readonly Claimer[]): (string | undefined)[] {
  const left = jobs
    .filter(({ job_data: data }) => data.attachments_status !== 'waiting')
    .sort((a, b) => b.job_priority - a.job_priority || +a.created_at - +b.created_at);
  return claimers.map(({ queues, agent }) => {
    const at = left.findIndex(
      ({ job_data: { job_queue: queue, exclude_agents: excluded = [] }, lost_holders: lost = [] }) =>
        queues.includes(queue) && !excluded.includes(agent) && !lost.includes(agent),
    );
    return at < 0 ? undefined : left.splice(at, 1)[0]?.job_id;
  });
}

test('for any jobs and claimers, no claimer gets a worse job than it could, or nothing while a suitable job is free', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const agents = fc.subarray(['agent-0', 'agent-1', 'agent-2']);
  const queue: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const job = fc.record({
    priority: fc.integer({ min: 0, max: 2 }),
    age: fc.integer({ min: 0, max: 9 }),
    queue,
    data: fc.oneof(
      { weight: 3, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.constant({ attachments_status: 'waiting' }) },
      { weight: 1, arbitrary: agents.map((excluded) => ({ exclude_agents: excluded })) },
    ),
    lost: agents,
  });
  const claimer = fc.record({
    agent: fc.constantFrom('agent-0', 'agent-1', 'agent-2', 'agent-3'),
    queues: fc.uniqueArray(queue, { minLength: 1, maxLength: 3 }),
  });
  const property = fc.asyncProperty(
    fc.array(job, { maxLength: 14 }),
    fc.array(claimer, { minLength: 2, maxLength: 14 }),
    async (specs, claimers) => {
      await jobs.deleteMany({});
      const stored = specs.map(({ lost, ...fields }, i) => ({
        ...makeJob(i, fields),
        ...(lost.length > 0 && { lost_holders: lost }),
      }));
      if (stored.length > 0) await jobs.insertMany(stored);
      const outcomes = await claimTogether(server.deps, claimers);
      const got = outcomes.map(jobIdOf);
      const held = await jobs.find({ 'result_data.job_state': 'running' }).toArray();
      t.deepEqual(held.map(({ job_id: id }) => id).sort(), got.filter((id) => id !== undefined).sort());
      // Claimers that got no job in the first round are served after the others. Each still gets a job if one is left.
      t.is(
        got.filter((id) => id !== undefined).length >= 1,
        serveInTurn(stored, claimers).some((id) => id !== undefined),
      );
      for (const [i, { agent, queues }] of claimers.entries()) {
        const own = held.find(({ job_id: id }) => id === got[i]);
        if (own === undefined) {
          const free = stored.filter(({ job_id: id }) => !got.includes(id));
          t.is(
            serveInTurn(free, [{ agent, queues }])[0],
            undefined,
            'a claimer without a job had no suitable one',
          );
          continue;
        }
        t.true(queues.includes(own.job_data.job_queue));
        t.false(
          (own.job_data.exclude_agents ?? []).includes(agent) || (own.lost_holders ?? []).includes(agent),
        );
        t.is(own.lease?.holder, agent);
        const better = stored.filter(({ job_id: id }) => !got.includes(id));
        const [best] = serveInTurn([...better, own as JobRecord], [{ agent, queues }]);
        t.is(best, own.job_id, 'no better job was skipped');
      }
    },
  );
  await fc.assert(property, { numRuns: 60 });
});

test('a job that another process claims between our read and our write is given to no one else, and its claimer gets the next job', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(makeJobs(6));
  const bulkWrite = jobs.bulkWrite.bind(jobs);
  let isFirst = true;
  jobs.bulkWrite = async (...given: Parameters<typeof bulkWrite>) => {
    if (isFirst) {
      isFirst = false;
      const theirs = {
        $set: { 'result_data.job_state': 'running', 'lease.holder': 'other', 'lease.attempt': 1 },
      };
      await jobs.updateMany({ job_id: { $in: [makeJob(0).job_id, makeJob(2).job_id] } }, theirs as object);
    }
    return bulkWrite(...given);
  };
  const outcomes = await claimTogether(server.deps, makeClaimers(5));
  t.deepEqual(
    outcomes.map(jobIdOf).sort(),
    [1, 3, 4, 5]
      .map((i) => makeJob(i).job_id)
      .concat([undefined] as never)
      .sort(),
  );
  t.is(await jobs.countDocuments({ 'lease.holder': 'other' }), 2);
});

test('when MongoDB becomes unavailable during claims, claimers that have a job get it, and only the others get the error', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(makeJobs(6));
  const bulkWrite = jobs.bulkWrite.bind(jobs);
  jobs.bulkWrite = async (...given: Parameters<typeof bulkWrite>) => {
    await jobs.updateMany({ job_id: { $in: [makeJob(0).job_id, makeJob(2).job_id] } }, {
      $set: { 'result_data.job_state': 'cancelled' },
    } as object);
    jobs.bulkWrite = () => Promise.reject(new MongoNetworkError('gone'));
    return bulkWrite(...given);
  };
  const outcomes = await claimTogether(server.deps, makeClaimers(4));
  t.deepEqual(outcomes.map(jobIdOf), ['error', makeJob(1).job_id, 'error', makeJob(3).job_id]);
});

test('jobs of a write whose response was lost return to their queue', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(makeJobs(4));
  const bulkWrite = jobs.bulkWrite.bind(jobs);
  jobs.bulkWrite = async (...given: Parameters<typeof bulkWrite>) => {
    await bulkWrite(...given);
    throw new MongoNetworkError('the response was lost');
  };
  const outcomes = await claimTogether(server.deps, makeClaimers(3));
  t.deepEqual(outcomes.map(jobIdOf), ['error', 'error', 'error']);
  await until(t, async () => (await jobs.countDocuments({ 'result_data.job_state': 'waiting' })) === 4);
  jobs.bulkWrite = bulkWrite;
  const again = await claimTogether(server.deps, makeClaimers(3));
  t.deepEqual(
    again.map(jobIdOf),
    [0, 1, 2].map((i) => makeJob(i).job_id),
  );
});

test('a release that is retried because its response was lost takes no job from an agent that has claimed it since', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(makeJobs(2));
  const lost = new MongoNetworkError('the response was lost');
  const bulkWrite = jobs.bulkWrite.bind(jobs);
  const updateMany = jobs.updateMany.bind(jobs);
  let tries = 0;
  jobs.bulkWrite = async (...given: Parameters<typeof bulkWrite>) => {
    await bulkWrite(...given);
    throw lost;
  };
  jobs.updateMany = async (...given: Parameters<typeof updateMany>) => {
    const result = await updateMany(...given);
    tries += 1;
    if (tries === 1) throw lost;
    return result;
  };
  await claimTogether(server.deps, makeClaimers(2));
  jobs.bulkWrite = bulkWrite;
  await until(t, () => tries === 1);
  const [own] = (await claimTogether(server.deps, [{ queues: ['q1'], agent: 'later' }])) as JobRecord[];
  await until(t, () => tries === 2);
  t.like(await jobs.findOne({ job_id: own?.job_id as string }), {
    result_data: { job_state: 'running' },
    lease: { holder: 'later', attempt: 2 },
  });
});

test('a claim whose client disconnects while it waits gets no job', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(makeJobs(2));
  const [gone, ...others] = makeClaimers(3);
  const outcomes = await claimTogether(server.deps, [
    { ...(gone as Claimer), isGone: () => true },
    ...others,
  ]);
  t.deepEqual(outcomes.map(jobIdOf), [undefined, makeJob(0).job_id, makeJob(1).job_id]);
});

test('a claim of an agent with 1,000 queues sorts nothing in memory', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  await jobs.insertMany(
    Array.from({ length: 3000 }, (_, i) => makeJob(i, { queue: `q${i % 1500}`, priority: i % 5 })),
  );
  const queues = Array.from({ length: 1000 }, (_, i) => `q${i}`);
  const outcomes: ClaimOutcome[] = [];
  const commands = await commandsOf(server, async () => {
    outcomes.push(...(await claimTogether(server.deps, [{ agent: 'a', queues }])));
    outcomes.push(...(await claimTogether(server.deps, makeClaimers(2, queues))));
  });
  t.deepEqual(
    outcomes.map(jobIdOf),
    [4, 9, 14].map((i) => makeJob(i).job_id),
  );
  const queries = commands.filter(({ op }) => op === 'query');
  // The profile has no space for all ten queries.
  t.true(queries.length >= 5);
  for (const { hasSortStage, docsExamined } of queries) {
    t.falsy(hasSortStage);
    t.true(docsExamined <= 2);
  }
});

test('claimers are served in order of arrival, also when the first job of their queues is not available to them', async (t) => {
  const { deps } = await startServer(t);
  await deps.collections.jobs.insertMany([
    makeJob(0, { queue: 'a', priority: 9, data: { attachments_status: 'waiting' } }),
    makeJob(1, { queue: 'c', priority: 9, data: { exclude_agents: ['third'] } }),
    makeJob(2, { queue: 'b' }),
    makeJob(3, { queue: 'd' }),
  ]);
  const outcomes = await claimTogether(deps, [
    { queues: ['a', 'b'], agent: 'first' },
    { queues: ['b'], agent: 'second' },
    { queues: ['c', 'd'], agent: 'third' },
    { queues: ['d'], agent: 'fourth' },
    { queues: ['e'], agent: 'fifth' },
  ]);
  t.deepEqual(outcomes.map(jobIdOf), [makeJob(2).job_id, undefined, makeJob(3).job_id, undefined, undefined]);
});
