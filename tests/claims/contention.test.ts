import test, { type ExecutionContext } from 'ava';
import { ObjectId, type WithId } from 'mongodb';
import { claimTogether } from '../../server/claims/claim-together.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';

/** Starts two processes on one database that have had conflicting claims, and stores jobs of three priorities. */
async function startPair(t: ExecutionContext, count: number) {
  const one = await startServer(t);
  const other = await startServer(t, { database: one.deps.connection.db.databaseName });
  const jobs = Array.from(
    { length: count },
    (_, i): WithId<JobRecord> => ({
      _id: new ObjectId(),
      job_id: crypto.randomUUID(),
      live: true,
      created_at: new Date(Date.now() - 60_000 + i),
      job_priority: i % 3,
      job_data: { job_queue: 'q1' },
      result_data: { job_state: 'waiting' },
    }),
  );
  await one.deps.collections.jobs.insertMany(jobs);
  for (const { deps } of [one, other]) deps.contention.noteConflict();
  const inOrder = jobs.toSorted((a, b) => b.job_priority - a.job_priority || +a.created_at - +b.created_at);
  return { one, other, inOrder };
}

const makeClaimers = (count: number, name = 'agent') =>
  Array.from({ length: count }, (_, i) => ({ queues: ['q1'], agent: `${name}-${i}` }));

async function claimIds({ deps }: TestServer, count: number, name?: string): Promise<(string | undefined)[]> {
  const outcomes = await claimTogether(deps, makeClaimers(count, name));
  return outcomes.map((outcome) => (outcome instanceof Error ? outcome.message : outcome?.job_id));
}

/** Stores the choice of a process that was killed before it claimed its jobs. The choice is valid for `ms`. */
async function chooseElsewhere(
  { deps }: TestServer,
  jobs: readonly WithId<JobRecord>[],
  ms: number,
): Promise<void> {
  const choice = {
    process: 'killed',
    jobs: jobs.map(({ _id }) => _id),
    until: new Date(Date.now() + ms),
  };
  await deps.collections.claimsUnderWay.replaceOne(
    { _id: 'choices' },
    { choices: [choice] },
    { upsert: true },
  );
}

test('contending processes claim each job once, and only the first jobs of the queue', async (t) => {
  const { one, other, inOrder } = await startPair(t, 400);
  for (let round = 0; round < 8; round += 1) {
    const taken = await Promise.all([claimIds(one, 20, 'one'), claimIds(other, 20, 'other')]);
    const wanted = inOrder.slice(round * 40, round * 40 + 40).map(({ job_id }) => job_id);
    t.deepEqual(taken.flat().toSorted(), wanted.toSorted(), `round ${round}`);
  }
  const held = await one.deps.collections.jobs
    .find({ 'result_data.job_state': 'running' })
    .project({ job_id: 1, lease: 1 })
    .toArray();
  t.is(new Set(held.map(({ lease }) => `${lease.holder} ${lease.claim_token}`)).size, 320);
});

test('jobs that another process has chosen are skipped, until its choice expires', async (t) => {
  const { one, inOrder } = await startPair(t, 40);
  await chooseElsewhere(one, inOrder.slice(0, 10), 60_000);
  t.deepEqual(
    (await claimIds(one, 10)).toSorted(),
    inOrder
      .slice(10, 20)
      .map(({ job_id }) => job_id)
      .toSorted(),
  );
  await chooseElsewhere(one, inOrder.slice(0, 10), -1);
  t.deepEqual(
    (await claimIds(one, 10, 'later')).toSorted(),
    inOrder
      .slice(0, 10)
      .map(({ job_id }) => job_id)
      .toSorted(),
  );
});

test('claims that find only jobs that another process has chosen claim them in the end', async (t) => {
  const { one, inOrder } = await startPair(t, 12);
  await chooseElsewhere(one, inOrder, 60_000);
  t.deepEqual((await claimIds(one, 12)).toSorted(), inOrder.map(({ job_id }) => job_id).toSorted());
});

test('a process without contention stops publishing its choices after a second', async (t) => {
  const { one } = await startPair(t, 100);
  await claimIds(one, 10);
  const published = await one.deps.collections.claimsUnderWay.findOne({});
  t.is(published?.choices.length, 1);
  await until(t, () => one.deps.contention.mode === 'quiet');
  await claimIds(one, 10, 'later');
  t.deepEqual(await one.deps.collections.claimsUnderWay.findOne({}), published);
  await until(t, () => one.deps.contention.gatherMs === 0);
});

test('after claims that were served together the next claim waits for others, and after a single claim it does not', async (t) => {
  const { deps } = await startServer(t);
  const { contention } = deps;
  contention.noteClaims(1);
  t.is(contention.gatherMs, 0);
  contention.noteClaims(2);
  t.is(contention.gatherMs, 1);
  await until(t, () => contention.gatherMs === 0);
});

test('an agent with more queues than one statement merges claims in the end the jobs that another process chose and did not claim', async (t) => {
  const { one, inOrder } = await startPair(t, 3);
  await chooseElsewhere(one, inOrder, 60_000);
  const queues = ['q1', ...Array.from({ length: 200 }, (_, n) => `other-${n}`)];
  const { jobs } = one.deps.collections;
  let queries = 0;
  const find = jobs.find.bind(jobs) as (...given: unknown[]) => never;
  Object.assign(jobs, {
    find: (...given: unknown[]) => {
      queries += 1;
      return find(...given);
    },
  });
  const [, own] = await claimTogether(one.deps, [
    { queues: ['empty'], agent: 'other' },
    { queues, agent: 'many' },
  ]);
  t.is((own as JobRecord | undefined)?.job_id, inOrder[0]?.job_id);
  t.true(queries < 20, `${queries} queries`);
});
