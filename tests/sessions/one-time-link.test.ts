import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openCollections } from '../../server/areas.js';
import { embeddedMongodUri } from '../../server/mongod/embedded-mongod.js';
import { findOneTimePage } from '../../server/sessions/one-time-link.js';
import { Browser } from '../support/oidc/browser.js';
import { onTerminal } from '../support/on-terminal.js';
import { makeFolder, withClient } from '../support/own-mongod.js';
import { type ServerProcess, serverCommand, spawnServer } from '../support/server-process.js';
import { cookieOf } from '../support/sign-in-world.js';
import { testMongodbUri, testSigningKey } from '../support/start-server.js';
import { until } from '../support/until.js';

/** Starts a server whose standard error is a terminal, and whose log is the file `log` in its folder. */
async function startOnTerminal(
  t: ExecutionContext,
  { folder, settings = {} }: { folder: string; settings?: Record<string, string> },
): Promise<ServerProcess & { log(): string }> {
  const command = onTerminal(['/bin/sh', '-c', 'exec "$@" >> log', 'sh', ...serverCommand]);
  const server = spawnServer(t, { command, folder, settings, input: true });
  // All lines of a start are printed at once.
  await until(t, () => /listens on \S+[^]*\n/.test(server.stdout()), 90);
  return { ...server, url: server.url, log: () => readFileSync(join(folder, 'log'), 'utf8') };
}

/** Stops the server as Ctrl-C does. */
async function stop(t: ExecutionContext, server: ServerProcess): Promise<void> {
  server.child.stdin?.write('\x03');
  t.is((await server.exited).code, 0, server.stdout());
}

const linkForm = /^Sign in as the admin, once and within 15 minutes: (\S+)#([\w-]{43})\r?$/gm;

/** Returns the only link that a start printed. */
function readLink(t: ExecutionContext, server: ServerProcess): { page: string; token: string } {
  const links = [...server.stdout().matchAll(linkForm)];
  t.is(links.length, 1, server.stdout());
  return { page: links[0]?.[1] as string, token: links[0]?.[2] as string };
}

async function useLink({ page, token }: { page: string; token: string }) {
  const browser = new Browser();
  const { final: form } = await browser.visit(page);
  return { browser, form, ...(await browser.submit(form, { token })) };
}

function checkRefused(t: ExecutionContext, { hops, browser }: Awaited<ReturnType<typeof useLink>>): void {
  const [answer] = hops;
  t.is(answer?.status, 401);
  t.true(answer?.text.includes('This link is not valid any more: restart the server for a new one'));
  t.falsy(
    browser.cookies.of(new URL(answer?.url ?? '').origin).find(({ name }) => name.endsWith('_session')),
  );
}

test('each start at a terminal prints a link that signs the admin in once, and no log has it', async (t) => {
  const folder = makeFolder();
  const first = await startOnTerminal(t, { folder });
  const link = readLink(t, first);
  t.is(link.page, `${first.url}/auth/once`);
  const used = await useLink(link);
  t.is(used.form.status, 200);
  t.regex(used.form.text, /<script src="\/static\/once\.js"/);
  t.is((await first.request('/static/once.js')).status, 200);
  t.deepEqual([used.hops[0]?.status, used.final.url], [303, `${first.url}/`]);
  const session = await first.request('/v1/session', { headers: cookieOf(used.browser, first.url) });
  t.like(await session.json(), { client_id: 'testflinger-admin', role: 'admin' });
  checkRefused(t, await useLink(link));
  checkRefused(t, await useLink({ ...link, token: '' }));
  await stop(t, first);

  const settings = { BASE_PATH: '/lab', WORKERS: '2' };
  const second = await startOnTerminal(t, { folder, settings });
  const next = readLink(t, second);
  t.is(next.page, `${second.url}/auth/once`);
  t.regex(next.page, /\/lab\/auth\/once$/);
  t.not(next.token, link.token);
  t.true(second.stdout().includes('(2 workers)'));
  // Two browsers at once, and so perhaps both workers: one of them signs in.
  const both = await Promise.all([useLink(next), useLink(next)]);
  t.deepEqual(both.map(({ hops }) => hops[0]?.status).sort(), [303, 401]);
  const winner = both.find(({ hops }) => hops[0]?.status === 303);
  t.is(winner?.final.url, `${second.url}/`);
  t.is(winner?.final.status, 200);
  await stop(t, second);

  const third = await startOnTerminal(t, { folder });
  const late = readLink(t, third);
  await withClient(embeddedMongodUri(third.dataDir), async (client) => {
    const { oneTimeLinks } = openCollections(client.db('testflinger_db'));
    const [stored] = await oneTimeLinks.find().sort({ expires_at: -1 }).toArray();
    const minutes = ((stored?.expires_at.getTime() ?? 0) - Date.now()) / 60_000;
    t.true(minutes > 14 && minutes <= 15, `${minutes}`);
    t.false(JSON.stringify(stored).includes(late.token));
    await oneTimeLinks.updateOne({ _id: stored?._id ?? '' }, { $set: { expires_at: new Date() } });
  });
  checkRefused(t, await useLink(late));
  const log = third.log();
  t.true(log.includes('one-time link not valid'));
  for (const { token } of [link, next, late]) t.false(log.includes(token));
  t.false(log.includes('Sign in as'));
  await stop(t, third);
});

test('a start with a MongoDB of its own prints no link', async (t) => {
  const database = `test_${randomBytes(8).toString('hex')}`;
  t.teardown(() => withClient(testMongodbUri(), (client) => client.db(database).dropDatabase()));
  const settings = {
    MONGODB_URI: testMongodbUri(),
    MONGODB_DATABASE: database,
    JWT_SIGNING_KEY: testSigningKey,
  };
  const server = await startOnTerminal(t, { folder: makeFolder(), settings });
  t.false(server.stdout().includes('Sign in as'), server.stdout());
});

const settings = {
  publicUrl: undefined as string | undefined,
  basePath: '',
  insecureCookies: false,
  localSignIn: 'auto' as const,
  oidc: false,
};

const pages: [what: string, url: string, changed: Partial<typeof settings>, page: string | undefined][] = [
  ['on 127.0.0.1', 'http://127.0.0.1:5000', {}, 'http://127.0.0.1:5000/auth/once'],
  ['on ::1', 'http://[::1]:5000', {}, 'http://[::1]:5000/auth/once'],
  ['with a base path', 'http://127.0.0.1:5000', { basePath: '/lab' }, 'http://127.0.0.1:5000/lab/auth/once'],
  [
    'with PUBLIC_URL',
    'http://127.0.0.1:5000',
    { basePath: '/lab', publicUrl: 'https://lab.example/lab' },
    'https://lab.example/lab/auth/once',
  ],
  [
    'with a PUBLIC_URL of plain http',
    'http://127.0.0.1:5000',
    { publicUrl: 'http://lab.example' },
    undefined,
  ],
  [
    'with a PUBLIC_URL of plain http and INSECURE_COOKIES',
    'http://127.0.0.1:5000',
    { publicUrl: 'http://lab.example', insecureCookies: true },
    'http://lab.example/auth/once',
  ],
  ['on all addresses', 'http://0.0.0.0:5000', {}, undefined],
  ['on all IPv6 addresses', 'http://[::]:5000', {}, undefined],
  ['on a socket', 'unix:/run/queuepass.sock', {}, undefined],
  ['on a socket of systemd', 'the socket of systemd', {}, undefined],
  ['with OIDC', 'http://127.0.0.1:5000', { oidc: true }, 'http://127.0.0.1:5000/auth/once'],
];
for (const [what, url, changed, page] of pages) {
  test(`a server ${what} has ${page === undefined ? 'no link' : `its link at ${page}`}`, (t) => {
    t.is(findOneTimePage({ ...settings, ...changed }, url), page);
  });
}

test('a server where nobody can sign in has no link', (t) => {
  t.is(findOneTimePage({ ...settings, localSignIn: 'off' }, 'http://127.0.0.1:5000'), undefined);
});
