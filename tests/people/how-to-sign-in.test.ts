import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { asAdmin, Host } from '../support/drill.js';
import { Browser } from '../support/oidc/browser.js';
import { signIn } from '../support/oidc/sign-in.js';
import { startIssuer } from '../support/oidc-issuer.js';
import { Operator } from '../support/operator.js';
import { cookieOf } from '../support/sign-in-world.js';
import { readBlocks } from '../walkthrough/read-walkthrough.js';

const page = readFileSync(new URL('../../docs/how-to/sign-in-with-gitlab.md', import.meta.url), 'utf8');
const [makeKey = '', makeSecretFile = '', giveRole = '', disable = ''] = readBlocks(page)
  .filter(({ language }) => language === 'sh')
  .map(({ text }) => text);

/** Reads the page's settings, with the values of this test. */
function readSettings(values: Record<string, string>): Record<string, string> {
  const block = readBlocks(page).find(({ name }) => name === 'settings');
  const lines = (block?.text ?? '').trim().split('\n');
  const settings = Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
  for (const name of Object.keys(values)) if (!(name in settings)) throw new Error(`the page has no ${name}`);
  // On one machine, the page leaves these out.
  const { PUBLIC_URL: _url, TRUST_PROXY: _proxy, ...local } = settings;
  return { ...local, ...values };
}

test('sign-in-with-gitlab.md: from an empty folder, a person signs in, gets a role, and is disabled', async (t) => {
  const issuer = await startIssuer(t);
  const host = new Host(
    t,
    readSettings({
      OIDC_PROVIDER_ISSUER: issuer.url,
      OIDC_CLIENT_ID: issuer.settings.OIDC_CLIENT_ID as string,
    }),
  );
  const operator = new Operator('sign-in-with-gitlab.md', host.folder);
  await operator.run(makeKey);
  await operator.run(makeSecretFile);
  for (const file of ['web-secret-key', 'oidc-client-secret'])
    t.is(statSync(join(host.folder, file)).mode & 0o777, 0o600);
  writeFileSync(join(host.folder, 'oidc-client-secret'), `${issuer.clientSecret}\n`);

  const server = await host.restart(0);
  issuer.addRedirectUri(`${server.url}/auth/callback`);
  const browser = new Browser();
  const { final: home } = await browser.visit(`${server.url}/`);
  t.regex(home.text, /href="\/auth\/login">Sign In</);
  const { final } = await signIn(browser, `${server.url}/auth/login`);
  t.regex(final.text, /Signed in as <strong>Ada Lovelace<\/strong>/);
  const session = () => server.request('/v1/session', { headers: cookieOf(browser, server.url) });
  t.like(await (await session()).json(), { client_id: 'ada@example.com', role: 'contributor' });

  host.write('admin-key', readFileSync(join(server.dataDir, 'admin-key'), 'utf8'));
  operator.environment = asAdmin(server);
  await operator.run(giveRole);
  t.like(await (await session()).json(), { role: 'manager' });
  const [stop = '', start = ''] = disable.trim().split('\n');
  await operator.run(stop);
  t.is((await session()).status, 401);
  const refused = await signIn(new Browser(), `${server.url}/auth/login`);
  t.is(refused.final.status, 403);
  await operator.run(start);
  t.is((await session()).status, 200, 'the session had not ended');
});
