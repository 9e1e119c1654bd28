import test from 'ava';
import type { Document } from 'mongodb';
import { filterSearched } from '../../server/jobs/search-jobs.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { clockOf } from '../support/tokens.js';

type Found = { job_id: string; created_at: string; job_state: string };

async function search(server: TestServer, query = ''): Promise<Found[]> {
  const response = await server.request(`/v1/job/search${query}`);
  if (response.status !== 200) throw new Error(`search: ${response.status} ${await response.text()}`);
  return (await response.json()) as Found[];
}

const idsOf = (found: Found[]) => found.map(({ job_id }) => job_id);

function setState(server: TestServer, jobId: string, state: string) {
  return server.deps.collections.jobs.updateOne(
    { job_id: jobId },
    { $set: { 'result_data.job_state': state } },
  );
}

/** Inserts many jobs directly into the database. */
async function insertJobs(
  server: TestServer,
  count: number,
  make: (n: number) => { tags?: string[]; state?: string },
): Promise<void> {
  const jobs = Array.from({ length: count }, (_, n) => {
    const { tags, state = 'complete' } = make(n);
    return {
      job_id: `job-${n}`,
      live: true as const,
      created_at: new Date(1_700_000_000_000 + n),
      job_priority: 0,
      job_data: { job_queue: 'q1', ...(tags && { tags }) },
      result_data: { job_state: state },
    };
  });
  await server.deps.collections.jobs.insertMany(jobs);
}

test('jobs are found by any or all of their tags, oldest first', async (t) => {
  const server = await startServer(t);
  const both = await submit(server, { tags: ['a', 'b'] });
  const onlyA = await submit(server, { tags: ['a'] });
  const onlyB = await submit(server, { tags: ['b'] });
  const none = await submit(server, {});
  t.deepEqual(idsOf(await search(server)), [both, onlyA, onlyB, none]);
  t.deepEqual(idsOf(await search(server, '?tags=a')), [both, onlyA]);
  t.deepEqual(idsOf(await search(server, '?tags=a&tags=b')), [both, onlyA, onlyB]);
  t.deepEqual(idsOf(await search(server, '?tags=b&tags=a&match=any')), [both, onlyA, onlyB]);
  t.deepEqual(idsOf(await search(server, '?tags=a&tags=b&match=all')), [both]);
  t.deepEqual(await search(server, '?tags=c'), []);
  t.deepEqual(await search(server, '?tags='), []);
});

test('a found job has its id, creation time and state', async (t) => {
  const server = await startServer(t, { clock: clockOf(() => new Date('2026-03-04T05:06:07.000Z')) });
  const jobId = await submit(server, { tags: ['a'] });
  const found = { job_id: jobId, created_at: '2026-03-04T05:06:07Z', job_state: 'waiting' };
  const response = await server.request('/v1/job/search');
  t.is(response.headers.get('content-type'), 'application/json');
  t.is(response.headers.get('link'), null);
  t.is(await response.text(), JSON.stringify([found]));
  await claim(server);
  t.deepEqual(await search(server, '?limit=5'), [{ ...found, job_state: 'running' }]);
});

test('a search filters by each state, by active for all states that have not ended, and by both spellings of complete', async (t) => {
  const server = await startServer(t);
  const states = [
    ...['setup', 'provision', 'firmware_update', 'test', 'allocate', 'allocated', 'reserve', 'cleanup'],
    ...['cancelled', 'completed', 'waiting', 'running', 'complete', 'a word of an agent'],
  ];
  await insertJobs(server, states.length, (n) => ({ state: states[n] as string }));
  const statesOf = async (query: string) => (await search(server, query)).map(({ job_state }) => job_state);
  for (const state of states.slice(0, 8)) t.deepEqual(await statesOf(`?state=${state}`), [state]);
  for (const state of ['waiting', 'running', 'cancelled']) {
    t.deepEqual(await statesOf(`?state=${state}`), [state]);
  }
  t.deepEqual(await statesOf('?state=completed'), ['completed', 'complete']);
  t.deepEqual(await statesOf('?state=complete'), ['completed', 'complete']);
  const ended = ['cancelled', 'completed', 'complete'];
  const active = states.filter((state) => !ended.includes(state));
  t.deepEqual(await statesOf('?state=active'), active);
  t.deepEqual(await statesOf('?state=test&state=setup'), ['setup', 'test']);
  t.deepEqual(
    await statesOf('?state=active&state=cancelled'),
    states.filter((state) => !state.startsWith('complete')),
  );
});

test('a found job matches both the tags and the states', async (t) => {
  const server = await startServer(t);
  const first = await submit(server, { tags: ['a'] });
  const second = await submit(server, { tags: ['a'] });
  await setState(server, await submit(server, {}), 'test');
  await setState(server, second, 'test');
  t.deepEqual(idsOf(await search(server, '?tags=a&state=test')), [second]);
  t.deepEqual(idsOf(await search(server, '?tags=a&state=waiting')), [first]);
});

test('an invalid state, match, limit or cursor gets 422, and unknown fields are ignored', async (t) => {
  const server = await startServer(t);
  const oneOfStates =
    'Must be one of: setup, provision, firmware_update, test, allocate, allocated, reserve, cleanup, cancelled, completed, active, waiting, running, complete.';
  const cases: [string, object][] = [
    ['?state=test&state=gone', { state: { 1: [oneOfStates] } }],
    ['?match=some', { match: ['Must be one of: any, all.'] }],
    ['?limit=0', { limit: ['Must be greater than or equal to 1.'] }],
    ['?limit=10001', { limit: ['Must be less than or equal to 10000.'] }],
    ['?limit=many', { limit: ['Not a valid integer.'] }],
    ['?cursor=$gt', { cursor: ['String does not match expected pattern.'] }],
  ];
  for (const [query, reasons] of cases) {
    const response = await server.request(`/v1/job/search${query}`);
    t.is(response.status, 422, query);
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { query: reasons } }, query);
  }
  const jobId = await submit(server, {});
  t.deepEqual(idsOf(await search(server, '?page=3&$where=1&state[$ne]=x')), [jobId]);
  const refused = await server.request('/v1/job/search', { headers: agentHeaders(server) });
  t.is(refused.status, 403);
});

test('with a limit, each page links to the next in its Link header, and the pages contain each job once', async (t) => {
  const server = await startServer(t, { settings: { BASE_PATH: '/qp' } });
  await insertJobs(server, 25, (n) => ({
    tags: n % 2 ? ['a b&c'] : ['a b&c', 'even'],
    state: n < 20 ? 'test' : 'setup',
  }));
  const pages: string[][] = [];
  let path: string | undefined = '/qp/v1/job/search?tags=a+b%26c&match=all&state=test&state=waiting&limit=8';
  while (path !== undefined) {
    const response: Response = await server.request(path);
    pages.push(idsOf((await response.json()) as Found[]));
    path = /^<(.*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
  }
  t.deepEqual(
    pages.map((page) => page.length),
    [8, 8, 4],
  );
  t.deepEqual(
    pages.flat(),
    Array.from({ length: 20 }, (_, n) => `job-${n}`),
  );
});

test('a last page that is exactly full has no Link header', async (t) => {
  const server = await startServer(t);
  await insertJobs(server, 4, () => ({}));
  const response = await server.request('/v1/job/search?limit=4');
  t.is(response.headers.get('link'), null);
  t.is(((await response.json()) as Found[]).length, 4);
});

test('without a limit the whole list is streamed', async (t) => {
  const server = await startServer(t);
  await insertJobs(server, 5000, (n) => ({ state: n % 2 ? 'test' : 'complete' }));
  const response = await server.request('/v1/job/search');
  t.is(response.headers.get('content-length'), null);
  const found = (await response.json()) as Found[];
  t.is(found.length, 5000);
  t.is(new Set(idsOf(found)).size, 5000);
  t.is((await search(server, '?state=test')).length, 2500);
  t.is((await server.request('/v1/job/search', { method: 'HEAD' })).status, 200);
});

/** Returns the winning plans as text, and the number of keys that they examined. */
async function explain(server: TestServer, query: Parameters<typeof filterSearched>[0], limit?: number) {
  const explained = await Promise.all(
    filterSearched(query).map(async ({ filter, isInProgress }) => {
      const hint = isInProgress ? await server.deps.jobsHints.inProgress.load() : {};
      const cursor = server.deps.collections.jobs.find(filter, hint).sort({ _id: 1 });
      if (limit !== undefined) cursor.limit(limit);
      return cursor.explain('executionStats') as Promise<Document>;
    }),
  );
  return {
    plan: JSON.stringify(explained.map(({ queryPlanner }) => queryPlanner.winningPlan)),
    keys: explained.reduce((sum, { executionStats }) => sum + executionStats.totalKeysExamined, 0) as number,
  };
}

test('searches use indexes, and examine few more keys than they return jobs', async (t) => {
  const server = await startServer(t, { newDatabase: true });
  await insertJobs(server, 2000, (n) => ({
    ...(n % 2 && { tags: [n % 100 === 1 ? 'rare' : 'common', 'all'] }),
    state: n % 400 === 0 ? 'waiting' : 'complete',
  }));
  const byTag = await explain(server, { tags: ['rare'] });
  t.regex(byTag.plan, /"qp_tags"/);
  t.notRegex(byTag.plan, /"stage":"SORT"|COLLSCAN/);
  t.true(byTag.keys <= 25, `${byTag.keys} keys`);
  const byTags = await explain(server, { tags: ['rare', 'common'] }, 10);
  t.regex(byTags.plan, /"qp_tags"/);
  t.true(byTags.keys <= 30, `${byTags.keys} keys`);
  const byState = await explain(server, { state: ['waiting'] });
  t.regex(byState.plan, /"qp_waiting"/);
  t.true(byState.keys <= 10, `${byState.keys} keys`);
  const active = await explain(server, { state: ['active'] });
  t.regex(active.plan, /"qp_waiting".*"qp_in_progress"/);
  t.notRegex(active.plan, /COLLSCAN|"_id_"/);
  t.true(active.keys <= 20, `${active.keys} keys`);
  const byPhase = await explain(server, { state: ['test', 'setup', 'complete'] }, 10);
  t.regex(byPhase.plan, /"qp_in_progress"/);
});

test('a search for active jobs and for phases finds exactly what a look at each job finds', async (t) => {
  const server = await startServer(t);
  const stored = [
    '',
    'a',
    'waiting',
    'running',
    'setup',
    'test',
    'cleanup',
    'cancelled',
    'complete',
    'completed',
  ];
  const states = [...stored, 'complete1', 'cancelled ', 'waiting room', 'zzz', '\u{10ffff}'];
  await insertJobs(server, 5 * states.length, (n) => ({ state: states[n % states.length] as string }));
  const ended = ['cancelled', 'complete', 'completed'];
  const wanted: [string, (state: string) => boolean][] = [
    ['active', (state) => !ended.includes(state)],
    ['waiting', (state) => state === 'waiting'],
    ['running', (state) => state === 'running'],
    ['complete', (state) => state === 'complete' || state === 'completed'],
    ['active&state=cancelled', (state) => !state.startsWith('complete') || state === 'complete1'],
    ['test&state=cancelled&state=waiting', (state) => ['test', 'cancelled', 'waiting'].includes(state)],
  ];
  for (const [query, matches] of wanted) {
    const found = await search(server, `?state=${query}`);
    t.deepEqual(
      found.map(({ job_state }) => job_state).sort(),
      states.flatMap((state) => (matches(state) ? Array<string>(5).fill(state) : [])).sort(),
      query,
    );
  }
});
