import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { createWorld, type World } from '../deploy/world.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import {
  checkListsRoutes,
  checkRefusal,
  checkSecondVisit,
  checkSlash,
  checkTryOut,
  checkWithoutDocument,
  checkWithoutScripts,
  type Site,
} from './page-checks.js';
import { startPrefixProxy } from './prefix-proxy.js';
import {
  checkDroppedCookies,
  checkKeyboardSignIn,
  checkOneTimeLink,
  checkProviderSignIn,
  checkSignOut,
  checkWithoutJavaScript,
} from './sign-in-checks.js';
import { type SignInSite, startSignInSites } from './sign-in-site.js';
import { startBrowser } from './visit.js';

/*
 * `tests/browser/run` runs this program. It runs every check, even after one fails, and prints the check's sentence.
 * Arguments: the path of Chromium, then optional words that select the checks whose sentence contains one of them.
 * If `PICTURES` names a directory, screenshots of the page are saved there.
 */
async function startSites(world: World, browser: Browser): Promise<[where: string, site: Site][]> {
  const settings = world.settingsFor('browser');
  const direct = await startServerProcess(world, { settings });
  const prefixed = await startServerProcess(world, { settings: { ...settings, BASE_PATH: '/queuepass' } });
  const proxied = await startPrefixProxy(world, () => direct.url, '/lab');
  const signer = {
    signingKeys: readSigningKeys(settings.JWT_SIGNING_KEY as string),
    clock: { now: () => new Date() },
  };
  const token = signAccessToken(signer, { client_id: 'browser', role: 'admin' });
  const makeSite = (url: string, server: ServerProcess): Site => {
    return { url, browser, token, answered: () => readAnswered(server.stdout()) };
  };
  return [
    ['at the root', makeSite(direct.url, direct)],
    ['under BASE_PATH', makeSite(prefixed.url, prefixed)],
    ['behind a proxy that removes a prefix', makeSite(proxied, direct)],
  ];
}

function listChecks(where: string, site: Site): [sentence: string, run: () => Promise<string | void>][] {
  const { PICTURES } = process.env;
  const takePicture = async (page: Page, name: string): Promise<void> => {
    if (PICTURES)
      await page.screenshot({ path: join(PICTURES, `${name} ${where}.png`.replaceAll(' ', '-')) });
  };
  return [
    [`the page lists every route, ${where}`, () => checkListsRoutes(site, takePicture)],
    [`the page sends a request with a token, ${where}`, () => checkTryOut(site, takePicture)],
    [`a request without a token is refused, ${where}`, () => checkRefusal(site)],
    [`a second visit uses the cached files, ${where}`, () => checkSecondVisit(site)],
    [`a trailing slash leads to the page, ${where}`, () => checkSlash(site)],
    [`without JavaScript the page links to the document, ${where}`, () => checkWithoutScripts(site)],
    [`a page that cannot load its document shows an error, ${where}`, () => checkWithoutDocument(site)],
  ];
}

function listSignInChecks(
  where: string,
  site: SignInSite,
): [sentence: string, run: () => Promise<string | void>][] {
  return [
    [
      `a person signs in at the provider, and the browser holds no token, ${where}`,
      () => checkProviderSignIn(site),
    ],
    [`after signing out, nothing is shown any more, ${where}`, () => checkSignOut(site)],
    [`a person signs in with a client key and the keyboard alone, ${where}`, () => checkKeyboardSignIn(site)],
    [`a one-time link signs in once and leaves no token behind, ${where}`, () => checkOneTimeLink(site)],
    [
      `without JavaScript a person signs in and reads all pages, ${where}`,
      () => checkWithoutJavaScript(site),
    ],
    [`a browser that drops cookies is told so, ${where}`, () => checkDroppedCookies(site)],
  ];
}

function readAnswered(log: string): string[] {
  const lines = log.split('\n').filter((line) => line.endsWith('}'));
  const requests = lines.map((line) => JSON.parse(line) as { route?: string; status?: number });
  return requests
    .filter(({ route }) => route?.startsWith('/docs'))
    .map(({ route, status }) => `${route} ${status}`);
}

const world = await createWorld();
const counts = { passed: 0, failed: 0 };
const [program = '', ...words] = process.argv.slice(2);
try {
  const browser = await startBrowser(world, program);
  const sites = await startSites(world, browser);
  const signInSites = await startSignInSites(world, browser);
  const checks = [
    ...sites.flatMap(([where, site]) => listChecks(where, site)),
    ...signInSites.flatMap(([where, site]) => listSignInChecks(where, site)),
  ];
  for (const [sentence, run] of checks) {
    if (words.length > 0 && !words.some((word) => sentence.includes(word))) continue;
    const started = performance.now();
    try {
      const details = await run();
      counts.passed += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`ok   ${sentence} (${seconds} s${details ? `; ${details}` : ''})`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAIL ${sentence}\n`, error);
    }
  }
} finally {
  await world.end();
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);
