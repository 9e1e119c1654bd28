import assert from 'node:assert/strict';
import { getGlobalDispatcher, request, setGlobalDispatcher } from 'undici';
import { largeUpload } from '../support/large-file.js';
import { Browser } from '../support/oidc/browser.js';
import { signIn } from '../support/oidc/sign-in.js';
import { startIssuer } from '../support/oidc-issuer.js';
import { makeFolder, waitUntil } from '../support/own-mongod.js';
import { cookieOf, webSecretKey } from '../support/sign-in-world.js';
import { type Nginx, startNginx } from './nginx.js';
import { SocketServer } from './pair.js';
import type { World } from './world.js';

/** Two processes behind nginx, whose people sign in at a real provider. */
interface SignInSite {
  /** The https URL of nginx with the base path. */
  url: string;
  nginx: Nginx;
  servers: readonly [SocketServer, SocketServer];
}

const basePath = '/lab';

/** How the servers know their own URL: from nginx's headers, or from a setting. */
const variants: Record<string, (url: string) => Record<string, string>> = {
  TRUST_PROXY: () => ({ TRUST_PROXY: '1' }),
  PUBLIC_URL: (url) => ({ PUBLIC_URL: url }),
};

/** People sign in through nginx, also when the provider leads them to the other process. */
export async function checkSignIn(world: World): Promise<string> {
  const details: string[] = [];
  for (const [name, settings] of Object.entries(variants)) {
    const site = await startSignInSite(world, settings);
    await trusting(site.nginx, async () => {
      await checkForgedHost(site);
      const secrets: string[] = [];
      let others = 0;
      for (let n = 0; n < 6; n += 1) {
        const before = site.servers.map(countSignIns);
        const { browser, final, callbackUrl } = await signInHere(site);
        const { searchParams } = new URL(callbackUrl);
        secrets.push(...['code', 'state'].map((field) => searchParams.get(field) ?? ''));
        assert.deepEqual([final.status, final.url], [200, `${site.url}/agents`]);
        const [cookie] = browser.cookies
          .of(new URL(site.url).origin)
          .filter((one) => one.name.startsWith('__Host-queuepass_session'));
        assert.match(cookie?.name ?? '', /^__Host-queuepass_session_[0-9a-f]{8}$/);
        const begunAndEnded = site.servers.map((server, i) => countSignIns(server) - (before[i] ?? 0));
        if (begunAndEnded.every((count) => count === 1)) others += 1;
      }
      assert.ok(others > 0, `${name}: no callback reached the process that had not begun the sign-in`);
      await checkNotLogged(site.nginx, secrets);
      details.push(`${name}: ${others} of 6 callbacks on the other process`);
    });
  }
  return details.join('; ');
}

/** A client cannot choose the host of the redirect URI: nginx replaces the header that names it. */
async function checkForgedHost({ url }: SignInSite): Promise<void> {
  const headers = { 'x-forwarded-host': 'forged.example' };
  const { headers: answered, body } = await request(`${url}/auth/login`, { headers });
  await body.dump();
  const { searchParams } = new URL(String(answered.location));
  assert.equal(searchParams.get('redirect_uri'), `${url}/auth/callback`);
}

/** nginx logged the callbacks, without their codes and states. */
async function checkNotLogged(nginx: Nginx, secrets: readonly string[]): Promise<void> {
  const callbacks = () => nginx.accessLog().split(`GET ${basePath}/auth/callback HTTP/1.1" 302 `).length - 1;
  await waitUntil(() => callbacks() === secrets.length / 2);
  const logs = nginx.accessLog() + nginx.errorLog();
  for (const secret of secrets) assert.ok(secret.length > 20 && !logs.includes(secret), 'a secret is logged');
}

/** A session works through nginx for a request that changes something, a long poll, and an upload of 1 GiB. */
export async function checkSignedInRequests(world: World): Promise<string> {
  const site = await startSignInSite(world, { TRUST_PROXY: '1' });
  const { url, nginx } = site;
  return trusting(nginx, async () => {
    const { browser } = await signInHere(site);
    const cookie = cookieOf(browser, url);
    const session = await request(`${url}/v1/session`, { headers: cookie });
    const { csrf_token: token } = (await session.body.json()) as { csrf_token: string };
    const own = { ...cookie, origin: new URL(url).origin, 'x-csrf-token': token };

    const job = JSON.stringify({ job_queue: 'q1', test_data: { attachments: [{ agent: 'a.bin' }] } });
    const submit = { method: 'POST' as const, body: job };
    const json = { 'content-type': 'application/json' };
    const foreign = { ...own, ...json, origin: 'https://other.example' };
    assert.equal((await request(`${url}/v1/job`, { ...submit, headers: foreign })).statusCode, 403);
    const submitted = await request(`${url}/v1/job`, { ...submit, headers: { ...own, ...json } });
    assert.equal(submitted.statusCode, 200);
    const { job_id: id } = (await submitted.body.json()) as { job_id: string };

    const asked = performance.now();
    const poll = await request(`${url}/v1/result/${id}`, { headers: { ...cookie, prefer: 'wait=3' } });
    const waited = (performance.now() - asked) / 1000;
    assert.equal(poll.statusCode, 200);
    assert.ok(waited > 2.5 && waited < 10, `the poll lasted ${waited} s`);

    const { body, headers } = largeUpload(1024);
    const upload = { method: 'POST' as const, body, headers: { ...own, ...headers } };
    const sent = await request(`${url}/v1/job/${id}/attachments`, upload);
    assert.equal(sent.statusCode, 200, await sent.body.text());
    assert.doesNotMatch(nginx.errorLog(), /temporary file/);

    await browser.visit(`${url}/auth/logout`, { from: `${url}/` });
    assert.equal((await request(`${url}/v1/session`, { headers: cookie })).statusCode, 401);
    return `a poll of ${waited.toFixed(1)} s, 1 GiB uploaded`;
  });
}

async function startSignInSite(
  world: World,
  settings: Record<string, string> | ((url: string) => Record<string, string>),
): Promise<SignInSite> {
  const issuer = await startIssuer(world);
  const sockets = [makeSocket(), makeSocket()] as const;
  const nginx = await startNginx(world, sockets, { basePath });
  const url = nginx.url + basePath;
  issuer.addRedirectUri(`${url}/auth/callback`);
  const own = {
    ...world.settingsFor(`sign-in-${new URL(url).port}`),
    ...issuer.settings,
    WEB_SECRET_KEY: webSecretKey,
    BASE_PATH: basePath,
    ...(typeof settings === 'function' ? settings(url) : settings),
  };
  const servers = [
    new SocketServer(world, own, sockets[0]),
    new SocketServer(world, own, sockets[1]),
  ] as const;
  await Promise.all(servers.map((server) => server.start()));
  return { url, nginx, servers };
}

function makeSocket(): string {
  return `${makeFolder()}/http.sock`;
}

async function signInHere({ url }: SignInSite) {
  const browser = new Browser();
  return { browser, ...(await signIn(browser, `${url}/auth/login?next=/agents`)) };
}

/** Counts the sign-ins that a process began or ended. */
function countSignIns({ process }: SocketServer): number {
  return process.stdout().match(/"route":"\/auth\/(login|callback)"/g)?.length ?? 0;
}

/** Runs a task whose requests trust the certificate of nginx. */
async function trusting<T>({ dispatcher }: Nginx, task: () => Promise<T>): Promise<T> {
  const before = getGlobalDispatcher();
  setGlobalDispatcher(dispatcher);
  try {
    return await task();
  } finally {
    setGlobalDispatcher(before);
  }
}
