import test from 'ava';
import { ObjectId } from 'mongodb';
import { bearer } from '../support/clients.js';
import { rawRequest } from '../support/raw-request.js';
import { makeJobRecord, startRecording, times } from '../support/recorded-commands.js';
import { cookieOf, startSignInWorld } from '../support/sign-in-world.js';
import { startServer, type TestServer } from '../support/start-server.js';

const lists = ['/agents', '/jobs', '/queues'];
const sentence = 'You need to sign in to access this page.';

/** Returns the texts of a table's cells by row, and the address of the next page. */
function readTable(html: string): { rows: string[][]; next: string | undefined } {
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell = '']) =>
      cell.replaceAll(/<[^>]*>/g, '').replaceAll('&quot;', '"'),
    ),
  );
  return { rows: rows.slice(1), next: /href="([^"]*)" rel="next"/.exec(html)?.[1]?.replaceAll('&amp;', '&') };
}

async function openList(server: TestServer, path: string): Promise<ReturnType<typeof readTable>> {
  const response = await server.request(path);
  return readTable(await response.text());
}

/** Follows the links to the next page, and returns the first cell of each row. */
async function readAllPages(server: TestServer, path: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let at: string | undefined = path; at !== undefined; ) {
    const { rows, next } = await openList(server, at);
    pages.push(rows.map(([first = '']) => first));
    at = next;
  }
  return pages;
}

test('while OIDC is on, the lists need a session, which their pages and the start page name', async (t) => {
  const { server, signIn, issuer } = await startSignInWorld(t);
  for (const path of lists) {
    const response = await server.request(`${path}?after=x`);
    const text = await response.text();
    t.is(response.status, 401, path);
    t.is(response.headers.get('content-type'), 'text/html; charset=utf-8');
    t.true(text.includes(sentence), text);
    const next = encodeURIComponent(`${path}?after=x`);
    t.true(text.includes(`<a class="button" href="/auth/login?next=${next}">Sign In</a>`), text);
    t.regex(text, /<h1[^>]*>Not signed in<\/h1>/);
    t.notRegex(text.replaceAll(path, ''), /Agents|Jobs|Queues/);
  }
  const start = await (await server.request('/')).text();
  t.notRegex(start, /Agents|Jobs|Queues/);
  t.regex(start, />Sign In<\/a>/);

  const { browser } = await signIn(undefined, { path: '/auth/login?next=/jobs' });
  t.is(browser.hops.at(-1)?.url, `${server.url}/jobs`);
  for (const path of ['/', ...lists]) {
    const response = await server.request(path, { headers: cookieOf(browser, server.url) });
    const text = await response.text();
    t.is(response.status, 200, path);
    t.true(text.includes(`Signed in as <strong>${issuer.person.name}</strong>`), text);
    t.true(text.includes('<a href="/auth/logout">Sign Out</a>'));
    t.regex(text, /<nav aria-label="Main"><a href="\/agents".*Agents.*Jobs.*Queues.*<\/nav>/s);
    t.is(text.match(/<h1\b/g)?.length, 1);
  }
});

test('while OIDC is off and anonymous callers are allowed, the lists are open and name what is missing', async (t) => {
  const server = await startServer(t);
  for (const [path, message] of [
    ['/agents', 'There are no agents. '],
    ['/jobs', 'There are no jobs. '],
    ['/queues', 'There are no queues. '],
  ] as const) {
    const response = await server.request(path);
    const text = await response.text();
    t.is(response.status, 200);
    t.true(text.includes(message), text);
    t.true(text.includes(`<a href="/auth/local?next=${encodeURIComponent(path)}">Sign In</a>`), text);
    t.is(response.headers.get('cache-control'), 'no-store');
    t.regex(
      response.headers.get('content-security-policy') ?? '',
      /^default-src 'none'; script-src 'self'; /,
    );
  }
  const later = await (await server.request('/agents?after=zzz')).text();
  t.regex(later, /Nothing follows here\. <a href="\/agents">First page<\/a>/);
  const refused = await server.request('/agents', { headers: bearer(server, { role: 'agent' }) });
  t.is(refused.status, 403);
  t.regex(
    await refused.text(),
    /<h1[^>]*>Not allowed<\/h1><p>Specified action requires role: admin, manager, contributor</,
  );
  const strict = await startServer(t, { settings: { ANONYMOUS_ACCESS: 'deny' } });
  t.is((await strict.request('/jobs')).status, 401);
});

test('a list shows each row once, over pages of 50, and escapes what is stored', async (t) => {
  const server = await startServer(t);
  const { agents, jobs, queues } = server.deps.collections;
  const names = times(120, (n) => `n-${String(n).padStart(3, '0')}`);
  const markup = '<script>alert(1)</script>"&';
  await agents.insertMany(
    names.map((name) => ({ name, state: 'waiting', comment: markup, queues: ['served', `q${name}`] })),
  );
  await queues.insertMany(names.map((name) => ({ name, description: markup, live: true as const })));
  const stored = names.map(() => makeJobRecord({ job_data: { job_queue: markup, name: markup } }));
  await jobs.insertMany(stored);

  t.deepEqual(
    (await readAllPages(server, '/agents')).map((page) => page.length),
    [50, 50, 20],
  );
  t.deepEqual((await readAllPages(server, '/agents')).flat(), names);
  const ids = stored.map(({ job_id: id }) => id).reverse();
  t.deepEqual((await readAllPages(server, '/jobs')).flat(), ids);
  t.deepEqual(
    (await readAllPages(server, '/queues')).flat(),
    [...names, ...names.map((n) => `q${n}`), 'served'].sort(),
  );
  for (const path of lists) {
    const text = await (await server.request(path)).text();
    t.true(text.includes('&lt;script>alert(1)&lt;/script>&quot;&amp;'), text.slice(0, 3000));
    t.false(text.includes(markup));
  }
  for (const after of ['x', '0'.repeat(25), 'A'.repeat(24)]) {
    const response = await server.request(`/jobs?after=${after}`);
    t.is(response.status, 400);
    t.regex(
      await response.text(),
      /This address does not name a place in the list: open the list from its start/,
    );
  }
});

test('documents that another server stored are shown, whatever they lack', async (t) => {
  const server = await startServer(t);
  const { db } = server.deps.connection;
  const at = new Date('2026-01-02T03:04:05.678Z');
  await db.collection('agents').insertMany([
    { name: 'a', queues: null, updated_at: at },
    { name: 'b', queues: 'q', state: 7, location: { rack: 1 }, updated_at: '2026-01-02' },
    { name: 'c', queues: ['q1', 5, null], comment: 'x'.repeat(1000), updated_at: new Date(8.64e15) },
  ]);
  await db
    .collection('queues')
    .insertMany([{ name: 'q1', description: 'first' }, { name: 'q1' }, { name: null }]);
  await db.collection<{ _id: ObjectId | string; [field: string]: unknown }>('jobs').insertMany([
    { _id: new ObjectId() },
    { _id: new ObjectId(), job_id: 5, job_data: null, result_data: [] },
    {
      _id: new ObjectId(),
      job_id: 'j',
      job_data: { job_queue: 'q1', name: ['n'], provision_data: 'skip' },
      result_data: { job_state: 'waiting' },
      created_at: at,
    },
    { _id: 'text', job_id: 'k', job_data: { job_queue: 'q1' }, result_data: { job_state: 'test' } },
    {
      _id: new ObjectId(),
      job_id: 'l',
      job_data: { job_queue: 'q1' },
      result_data: { job_state: 'completed' },
    },
  ]);
  t.deepEqual((await openList(server, '/agents')).rows, [
    ['a', '', '', '', '2026-01-02 03:04:05'],
    ['b', '7', '{"rack":1}', '', '2026-01-02'],
    ['c', '', '', `${'x'.repeat(300)}…`, '+275760-09-13 00:00:00'],
  ]);
  t.deepEqual((await openList(server, '/queues')).rows, [
    ['q', '', '0'],
    ['q1', 'first', '2'],
  ]);
  t.deepEqual((await openList(server, '/jobs')).rows, [
    ['l', '', 'q1', 'completed', ''],
    ['j', '["n"]', 'q1', 'waiting', '2026-01-02 03:04:05'],
    ['5', '', '', '[]', ''],
    ['', '', '', '', ''],
    ['k', '', 'q1', 'test', ''],
  ]);
});

test('a page makes at most five reads, each by an index that gives its order, at every size of the collections', async (t) => {
  const server = await startRecording(t);
  const { deps } = server;
  const { agents, jobs, queues } = deps.collections;
  const { db } = deps.connection;
  let size = 0;
  for (const to of [10, 100_000]) {
    for (let at = size; at < to; at += 10_000) {
      const count = Math.min(10_000, to - at);
      const states = ['waiting', 'complete', 'complete', 'complete', 'cancelled'];
      await jobs.insertMany(
        times(count, (n) =>
          makeJobRecord({
            job_data: { job_queue: `q${n % 500}` },
            result_data: { job_state: (at + n) % 2000 === 0 ? 'test' : (states[n % 5] as string) },
          }),
        ),
      );
    }
    const rows = Math.min(to, 2000);
    await agents.insertMany(times(rows, (n) => ({ name: `${to}-${n}`, queues: [`q${n % 500}`] })));
    await queues.insertMany(times(rows, (n) => ({ name: `${to}-${n}`, live: true as const })));
    size = to;
    for (const path of lists) {
      for (const place of [path, (await openList(server, path)).next ?? path]) {
        await db.command({ profile: 2 });
        await server.request(place).then((response) => response.text());
        await db.command({ profile: 0 });
        const names = ['agents', 'jobs', 'queues', 'sessions', 'client_permissions'];
        const entries = await db
          .collection('system.profile')
          .find({
            ns: { $in: names.map((name) => `${db.databaseName}.${name}`) },
            planSummary: { $exists: true },
          })
          .toArray();
        await db.collection('system.profile').drop();
        // The sweep and the watch of agents also run by themselves.
        const own = entries.filter(({ command }) => !JSON.stringify(command).includes('lease'));
        t.true(own.length >= 1 && own.length <= 4, `${place}: ${own.length} reads`);
        for (const { planSummary, keysExamined, docsExamined, hasSortStage, command } of own) {
          const what = `${place}, ${size} jobs: ${JSON.stringify(command)} ${planSummary}`;
          t.regex(planSummary as string, /^(IXSCAN|DISTINCT_SCAN|COUNT_SCAN)/, what);
          t.falsy(hasSortStage, what);
          const isCount = 'aggregate' in (command as object);
          t.true(docsExamined <= 120, `${what}: ${docsExamined} documents`);
          t.true(keysExamined <= (isCount ? 2500 : 600), `${what}: ${keysExamined} keys`);
        }
      }
    }
  }
});

test('an unknown path is a page for browsers, and plain text for clients and under /v1', async (t) => {
  const server = await startServer(t);
  const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  const page = await server.request('/no/<b>', { headers });
  t.is(page.status, 404);
  t.regex(await page.text(), /<h1[^>]*>Not found<\/h1><p>Not found: \/no\/%3Cb%3E<\/p>/);
  for (const [path, sent] of [
    ['/no', { accept: '*/*' }],
    ['/v1/no', headers],
    ['/oidc/no', headers],
  ] as const) {
    const response = await server.request(path, { headers: sent });
    t.is(response.status, 404);
    t.notRegex(await response.text(), /<h1/);
  }
});

test('a sign-in that failed names the missing cookie only if the browser has none', async (t) => {
  const { server } = await startSignInWorld(t);
  const begun = await server.request('/auth/login');
  const cookie = begun.headers.get('set-cookie')?.split(';', 1)[0] ?? '';
  const open = async (headers: Record<string, string>) =>
    (await server.request('/?login=failed', { headers })).text();
  t.notRegex(await open({ cookie }), /does not have the cookie/);
  t.regex(await open({}), /role="alert">The sign-in failed\..*does not have the cookie.*https address/s);
});

test('a form that is refused names what to do next: https, or cookies', async (t) => {
  const server = await startServer(t);
  const sent = { method: 'POST', body: new URLSearchParams({ client_id: 'x', client_key: 'y' }) };
  const crossSite = await server.request('/auth/local', sent);
  t.is(crossSite.status, 403);
  t.regex(
    await crossSite.text(),
    /<h1[^>]*>Not allowed<\/h1><p>Cross-site request refused<\/p><p>Reload the page with the form and send it again\..*https/,
  );
  const plain = await rawRequest(server, [
    'GET /auth/local HTTP/1.1',
    'Host: lab.example',
    'Connection: close',
  ]);
  t.is(plain.status, 400);
  t.regex(plain.body, /<p>Sign-in needs https<\/p><p>Open this site by its https address\./);
});
