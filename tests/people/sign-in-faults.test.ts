import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { makeDatabaseUri } from '../support/drill.js';
import { Browser } from '../support/oidc/browser.js';
import { oauthError } from '../support/oidc/faults.js';
import { signingKey } from '../support/people.js';
import { rawRequest } from '../support/raw-request.js';
import { readStartFailure, startServerProcess } from '../support/server-process.js';
import { type SignInWorld, startSignInWorld, webSecretKey } from '../support/sign-in-world.js';
import { readBlocks } from '../walkthrough/read-walkthrough.js';

const page = readFileSync(new URL('../../docs/how-to/sign-in-faults.md', import.meta.url), 'utf8');

/** Returns the block of the page under a heading that shows what the log has. */
function readShown(heading: string): string {
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  const block = readBlocks(section).find(({ language }) => ['json', 'text'].includes(language));
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
  async 'State mismatch, or another browser'(world) {
    const { callbackUrl } = await world.signIn(undefined, { stopBeforeCallback: true });
    const { browser } = await world.signIn(new Browser(), { stopBeforeCallback: true });
    await browser.visit(callbackUrl);
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
