import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { makeDatabaseUri } from '../support/drill.js';
import { Browser } from '../support/oidc/browser.js';
import { oauthError } from '../support/oidc/faults.js';
import { signIn } from '../support/oidc/sign-in.js';
import { signingKey } from '../support/people.js';
import { rawRequest } from '../support/raw-request.js';
import { readStartFailure, startServerProcess } from '../support/server-process.js';
import { type SignInWorld, startSignInWorld, webSecretKey } from '../support/sign-in-world.js';
import { clockOf } from '../support/tokens.js';
import { readBlocks } from '../walkthrough/read-walkthrough.js';

const page = readFileSync(new URL('../../docs/how-to/sign-in-faults.md', import.meta.url), 'utf8');

/** Returns the text of the page under a heading. */
function readSection(heading: string): string {
  return page.split(/^##+ /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
}

/** Returns the block of the page under a heading that shows what the log has. */
function readShown(heading: string): string {
  const block = readBlocks(readSection(heading)).find(({ language }) => ['json', 'text'].includes(language));
  if (block === undefined) throw new Error(`the page shows no line for ${heading}`);
  return block.text.trim();
}

/** Checks that the log has, from a line on, a line with all fields that the page shows, except those that differ each time. */
function checkLogged(t: ExecutionContext, { server }: SignInWorld, heading: string, before: number): void {
  const {
    time: _time,
    source: _source,
    request_id: _id,
    ...shown
  } = JSON.parse(readShown(heading)) as Record<string, unknown>;
  const lines = server.logged
    .slice(before)
    .filter(({ log, level }) => log === 'security' || level === 'warn');
  const found = lines.some((line) => Object.entries(shown).every(([name, value]) => line[name] === value));
  t.true(found, `${heading}: ${JSON.stringify(lines)}`);
}

/** What goes wrong, by the heading of the page. */
const faults: Record<string, (world: SignInWorld) => Promise<unknown>> = {
  // First: later, the server knows the provider's metadata for ten minutes.
  async 'The provider cannot be reached'(world) {
    await world.issuer.stop();
    await world.server.request('/auth/login');
    await world.issuer.start();
  },
  async 'Wrong redirect URI'(world) {
    world.issuer.spoil.answer('token', oauthError('invalid_grant'));
    await world.signIn();
  },
  async 'Clocks differ'(world) {
    world.issuer.spoil.idToken = 'expired';
    await world.signIn();
  },
  'Missing X-Forwarded-Proto': openOverHttp,
  'Plain http': openOverHttp,
  async 'The provider refuses the client'(world) {
    world.issuer.spoil.answer('token', oauthError('invalid_client'));
    await world.signIn();
  },
  async 'The person is refused'(world) {
    world.issuer.person = { ...world.issuer.person, sub: '7', email: 'ada@elsewhere.example' };
    await world.signIn();
  },
};

/** A sign-in at a server whose clock can be put forward. */
interface BegunSignIn {
  t: ExecutionContext;
  world: SignInWorld;
  /** The browser that waits at the provider. */
  browser: Browser;
  callbackUrl: string;
  passMinutes(minutes: number): void;
}

/** The causes of a state mismatch: the heading, the row of its table, and what happens to a sign-in that was begun. */
const mismatches: [heading: string, row: string, cause: (begun: BegunSignIn) => Promise<unknown>][] = [
  [
    'Unknown or used state',
    'the callback was loaded a second time',
    async ({ browser, callbackUrl }) => {
      await browser.visit(callbackUrl);
      await browser.visit(callbackUrl);
    },
  ],
  [
    'Unknown or used state',
    'more than ten minutes',
    async ({ world, browser, callbackUrl, passMinutes }) => {
      passMinutes(12);
      // As the TTL index does, which runs once a minute.
      const { loginAttempts } = world.server.deps.collections;
      await loginAttempts.deleteMany({ expires_at: { $lt: world.server.deps.clock.now() } });
      await browser.visit(callbackUrl);
    },
  ],
  [
    'Unknown or used state',
    'different databases',
    async ({ t, world, browser }) => {
      const { server, signIn } = await startSignInWorld(t);
      const { callbackUrl } = await signIn(undefined, { stopBeforeCallback: true });
      await browser.visit(callbackUrl.replace(server.url, world.server.url));
    },
  ],
  [
    'Unknown or used state',
    'made up',
    ({ world, browser }) => browser.visit(`${world.server.url}/auth/callback?code=a&state=b`),
  ],
  [
    'Expired state',
    'more than ten minutes',
    async ({ browser, callbackUrl, passMinutes }) => {
      passMinutes(10);
      await browser.visit(callbackUrl);
    },
  ],
  [
    'No sign-in cookie',
    'refuses cookies',
    async ({ world, browser, callbackUrl }) => {
      const { origin } = new URL(world.server.url);
      for (const { name } of browser.cookies.of(origin)) browser.cookies.delete(origin, name);
      await browser.visit(callbackUrl);
    },
  ],
  ['No sign-in cookie', 'opened in another browser', ({ callbackUrl }) => new Browser().visit(callbackUrl)],
  ['No sign-in cookie', 'at another name', ({ world }) => signInAtAnotherName(world, new Browser())],
  [
    'Another browser',
    'opened in a browser',
    async ({ world, callbackUrl }) => {
      const { browser } = await world.signIn(new Browser(), { stopBeforeCallback: true });
      await browser.visit(callbackUrl);
    },
  ],
  ['Another browser', 'at another name', ({ world, browser }) => signInAtAnotherName(world, browser)],
];

/** Begins a sign-in at a name of the server that is not the one of the redirect URI. */
async function signInAtAnotherName({ issuer, server }: SignInWorld, browser: Browser): Promise<void> {
  const other = server.url.replace('127.0.0.1', 'localhost');
  issuer.addRedirectUri(`${other}/auth/callback`);
  const { callbackUrl } = await signIn(browser, `${other}/auth/login`, { stopBeforeCallback: true });
  await browser.visit(callbackUrl.replace(other, server.url));
}

test('sign-in-faults.md: each cause of a state mismatch is logged as the page shows it', async (t) => {
  let passedMs = 0;
  const clock = clockOf(() => new Date(Date.now() + passedMs));
  const world = await startSignInWorld(t, { clock });
  const passMinutes = (minutes: number) => void (passedMs = minutes * 60_000);
  for (const [heading, row, cause] of mismatches) {
    t.true(readSection(heading).includes(row), `${heading}: the page has no row "${row}"`);
    const { browser, callbackUrl } = await world.signIn(undefined, { stopBeforeCallback: true });
    const before = world.server.logged.length;
    await cause({ t, world, browser, callbackUrl, passMinutes });
    checkLogged(t, world, heading, before);
    passMinutes(0);
  }
});

function openOverHttp({ server }: SignInWorld): Promise<unknown> {
  return rawRequest(server, ['GET /auth/login HTTP/1.1', 'Host: queuepass.example']);
}

test('sign-in-faults.md: each fault is logged as the page shows it, and told to nobody else', async (t) => {
  const world = await startSignInWorld(t, { settings: { OIDC_EMAIL_DOMAINS: 'example.com' } });
  for (const [heading, cause] of Object.entries(faults)) {
    const before = world.server.logged.length;
    await cause(world);
    checkLogged(t, world, heading, before);
    world.issuer.spoil.clear();
  }
});

test('sign-in-faults.md: a process with another WEB_SECRET_KEY says so and does not start', async (t) => {
  const settings = { MONGODB_URI: makeDatabaseUri(t), JWT_SIGNING_KEY: signingKey };
  await startServerProcess(t, { settings: { ...settings, WEB_SECRET_KEY: webSecretKey } });
  const line = await readStartFailure(t, {
    settings: { ...settings, WEB_SECRET_KEY: `another ${webSecretKey}` },
  });
  t.is(line, readShown('WEB_SECRET_KEY differs between processes'));
});
