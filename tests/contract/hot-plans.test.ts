import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { Document } from 'mongodb';
import { indexTable } from '../../server/areas.js';
import type { JobRecord } from '../../server/job/job-record.js';
import { freeLostHolders } from '../../server/leases/free-lost-holders.js';
import { findExpired } from '../../server/leases/sweep-leases.js';
import { claim } from '../support/jobs.js';
import { sendLog, sendResult } from '../support/leases.js';
import { makeJobRecord, startRecording, times } from '../support/recorded-commands.js';
import type { TestServer } from '../support/start-server.js';

/** `npm run bench -- --deep` sets `DEEP_PLANS`. */
const sizes = [10, 10_000, 100_000, ...(process.env['DEEP_PLANS'] ? [1_000_000] : [])];

/** Jobs that agents hold; the same at each size of the collection. */
const heldCount = 8;

const agentOf = (n: number) => `agent-${n}`;

/** The `n`th job of the collection: waiting or complete, and some of each kind that an index covers. */
function makeJob(n: number): JobRecord {
  const state = n % 5 < 3 ? 'waiting' : 'complete';
  const created_at = new Date(Date.now() - 3_600_000 + n);
  // No job of this queue has its attachments.
  if (n % 5 === 2)
    return makeJobRecord({ created_at, job_data: { job_queue: 'late', attachments_status: 'waiting' } });
  const data = { job_queue: n % 2 === 0 ? 'busy' : `q${n % 20}` };
  if (n % 50 === 4) {
    const lease = {
      holder: `other-${n}`,
      client_id: 'c',
      attempt: 1,
      until: new Date(Date.now() + 3_600_000),
    };
    return makeJobRecord({ created_at, job_data: data, result_data: { job_state: 'test' }, lease });
  }
  const anonymous = n < 100 && n % 10 === 1 ? { anonymous_bytes: 1000 } : {};
  return makeJobRecord({ created_at, job_data: data, result_data: { job_state: state }, ...anonymous });
}

async function grow({ deps }: TestServer, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 10_000) {
    const count = Math.min(10_000, to - at);
    await deps.collections.jobs.insertMany(times(count, (n) => makeJob(at + n)));
  }
}

/** Stores jobs that agents hold, in the middle of the collection's ages. */
async function holdJobs({ deps }: TestServer): Promise<string[]> {
  const jobs = times(heldCount, (n) =>
    makeJobRecord({
      created_at: new Date(Date.now() - 3_600_000 + n),
      result_data: { job_state: 'setup' },
      lease: {
        holder: agentOf(n),
        client_id: `client of ${agentOf(n)}`,
        attempt: 1,
        until: new Date(Date.now() + 900_000),
      },
    }),
  );
  await deps.collections.jobs.insertMany(jobs);
  return jobs.map(({ job_id: jobId }) => jobId);
}

interface HotStatement {
  /** The fields of the keys of the indexes that may answer it. */
  keys: string[];
  run(server: TestServer, held: readonly string[]): Promise<unknown>;
}

const claimKeys = 'result_data.job_state: -1, job_data.job_queue: 1, job_priority: -1, created_at: 1, _id: 1';
const all = <T>(make: (n: number) => Promise<T>) => Promise.all(times(heldCount, make));

/** The statements about jobs that requests wait for, and those of every sweep. */
const statements: Record<string, HotStatement> = {
  'one held job': { keys: ['job_id: 1'], run: ({ deps }, [id = '']) => deps.findHeldJobs(id) },
  'held jobs of one moment': {
    keys: ['job_id: 1'],
    run: ({ deps }, held) => all((n) => deps.findHeldJobs(held[n] ?? '')),
  },
  'a job': { keys: ['job_id: 1'], run: (server, [id = '']) => server.request(`/v1/job/${id}`) },
  'a result': {
    keys: ['job_id: 1'],
    run: (server, [id = '']) => sendResult(server, agentOf(0), id, { job_state: 'test' }),
  },
  'results of one moment': {
    keys: ['job_id: 1'],
    run: (server, held) => all((n) => sendResult(server, agentOf(n), held[n] ?? '', { job_state: 'setup' })),
  },
  'log posts of one moment': {
    keys: ['job_id: 1'],
    run: (server, held) => all((n) => sendLog(server, agentOf(n), held[n] ?? '', Date.now() % 1e6, 'x')),
  },
  'an agent reads its job': {
    keys: ['job_id: 1'],
    run: (server, [id = '']) => server.request(`/v1/result/${id}`),
  },
  'a job of an unknown id': {
    keys: ['job_id: 1', 'canonical_id: 1'],
    run: ({ deps }) => deps.findHeldJobs(randomUUID()),
  },
  'a search by ids': {
    keys: ['job_id: 1', 'canonical_id: 1'],
    run: (server, held) =>
      server.request(`/v1/job/search?${held.map((id) => `job_id=${id}`).join('&')}&limit=3`),
  },
  'a claim': { keys: [claimKeys], run: (server) => claim(server, ['busy', 'q1'], 'claimer') },
  'a claim that finds nothing': { keys: [claimKeys], run: (server) => claim(server, ['empty'], 'claimer') },
  'a claim past jobs that await attachments': {
    keys: [claimKeys],
    run: (server) => claim(server, ['late'], 'claimer'),
  },
  'claims past jobs that await attachments': {
    keys: [claimKeys],
    run: (server) => all((n) => claim(server, ['late', `empty-${n}`], 'claimer')),
  },
  'claims of one moment': {
    keys: [claimKeys, '_id: 1'],
    run: (server) => all(() => claim(server, ['busy'], 'claimer')),
  },
  'claims of many queues': {
    keys: [claimKeys, '_id: 1'],
    run: (server) => all((n) => claim(server, [`q${2 * n + 1}`], 'claimer')),
  },
  'the sum of anonymous uploads': {
    keys: ['result_data.job_state: 1, _id: 1, anonymous_bytes: 1'],
    run: ({ deps }) => deps.sumAnonymousBytes(),
  },
  'a cut of leases': {
    keys: ['lease.holder: 1'],
    run: ({ deps }) => deps.cutLeasesOf(agentOf(1)),
  },
  'the sweep': { keys: ['lease.until: 1'], run: ({ deps }) => findExpired(deps, new Date(0)) },
  'the sweep of lost holders': { keys: ['lost_holders: 1'], run: ({ deps }) => freeLostHolders(deps) },
};

/** Runs a statement and returns how MongoDB answered its commands about jobs. */
async function profile(server: TestServer, run: () => Promise<unknown>): Promise<Document[]> {
  const { db } = server.deps.connection;
  // The claims of agents that may hold a job cut leases, which is a statement of its own.
  for (const agent of ['claimer', ...times(heldCount, agentOf)]) server.deps.agentWatch.holdsNothing(agent);
  await db.command({ profile: 2 });
  await run();
  await db.command({ profile: 0 });
  const entries = await db
    .collection('system.profile')
    .find({ ns: `${db.databaseName}.jobs`, planSummary: { $exists: true } })
    .toArray();
  await db.collection('system.profile').drop();
  const isSweep = ({ command: { filter, query } }: Document) =>
    'lease.until' in ((filter ?? query ?? {}) as object);
  // The sweep and the watch of agents also run by themselves, at any moment.
  return entries.every(isSweep) ? entries : entries.filter((entry) => !isSweep(entry));
}

/** The keys of the indexes in a summary such as `IXSCAN { job_id: 1 }, IXSCAN { ... }`; other stages as they are. */
function readKeys(summary: string): string[] {
  return summary
    .split(/, (?=[A-Z]+)/)
    .map((one) => /^\w+ \{ (.*) \}$/.exec(one)?.[1] ?? one.replace(/^IDHACK$/, '_id: 1'));
}

for (const cache of ['cold', 'filled while the collection was small']) {
  test.serial(
    `each hot statement about jobs uses its own index at every size of the collection, with a plan cache that is ${cache}`,
    async (t) => {
      t.timeout(1_200_000);
      const server = await startRecording(t);
      const { jobs } = server.deps.collections;
      const held = await holdJobs(server);
      server.deps.agentWatch.stop();
      let size = 0;
      for (const to of sizes) {
        await grow(server, size, to);
        size = to;
        for (const [name, { keys, run }] of Object.entries(statements)) {
          if (cache === 'cold')
            await server.deps.connection.db.command({ planCacheClear: jobs.collectionName });
          // A plan is used from the cache from the third time on.
          for (const round of times(cache === 'cold' ? 1 : 3, (n) => n)) {
            const entries = await profile(server, () => run(server, held));
            const where = `${name}, ${size} jobs, round ${round}`;
            t.true(entries.length > 0, where);
            for (const { planSummary, keysExamined } of entries) {
              t.deepEqual(
                readKeys(planSummary as string).filter((one) => !keys.includes(one)),
                [],
                `${where}: ${planSummary}`,
              );
              t.true(keysExamined <= 60, `${where}: ${keysExamined} keys`);
            }
          }
        }
      }
    },
  );
}

test('a statement that hints a partial index holds the filter of the index word for word, or a value that it lists', async (t) => {
  const server = await startRecording(t);
  const hinted: { name: string; filter: Document }[] = [];
  server.deps.connection.client.on('commandStarted', ({ command }) => {
    for (const one of [command, ...((command['updates'] as Document[] | undefined) ?? [])]) {
      const match = (one['pipeline'] as Document[] | undefined)?.[0]?.['$match'] as unknown;
      const filter = (one['filter'] ?? one['query'] ?? one['q'] ?? match) as Document | undefined;
      if (typeof one['hint'] === 'string' && filter) hinted.push({ name: one['hint'], filter });
    }
  });
  const held = await holdJobs(server);
  await grow(server, 0, 100);
  for (const { run } of Object.values(statements)) await run(server, held);
  const names = new Set(hinted.map(({ name }) => name));
  for (const name of ['qp_waiting', 'qp_claimable', 'qp_leases_of_holder', 'qp_lost_holders', '_id_'])
    t.true(names.has(name), name);
  for (const { name, filter } of hinted) {
    const row = indexTable.find((one) => one.collection === 'jobs' && one.name === name);
    for (const [field, condition] of Object.entries(row?.options?.partialFilterExpression ?? {})) {
      const isListed = (condition as { $in?: unknown[] }).$in?.includes(filter[field]) === true;
      t.true(isListed || isDeepStrictEqual(filter[field], condition), `${name}: ${field}`);
    }
  }
});

test('a claim works on after its index was renamed or dropped', async (t) => {
  const server = await startRecording(t);
  const { jobs } = server.deps.collections;
  await grow(server, 0, 20);
  t.truthy(await claim(server, ['busy']));
  await jobs.dropIndex('qp_claimable');
  t.truthy(await claim(server, ['busy']));
  const row = indexTable.find(({ name }) => name === 'qp_claimable');
  await jobs.createIndex(row?.keys ?? {}, { name: 'of_an_operator', ...row?.options });
  t.truthy(await claim(server, ['busy']));
  t.is(await claim(server, ['empty']), undefined);
});
