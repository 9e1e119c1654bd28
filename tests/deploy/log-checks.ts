import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { request } from 'undici';
import { makeFolder, waitUntil } from '../support/own-mongod.js';
import { type Nginx, startNginx } from './nginx.js';
import type { World } from './world.js';

const secret = 'a-secret-of-a-sign-in';
const query = `?code=${secret}&state=${secret}`;

/** The paths of a sign-in, each as it must be in the access log. */
const paths: Record<string, string> = {
  [`/auth/callback${query}`]: '/auth/callback',
  [`/auth${query}`]: '/auth',
  [`/lab/auth/callback${query}`]: '/lab/auth/callback',
  [`/oidc/auth-poll/${secret}`]: '/oidc/auth-poll/-',
  [`/lab/oidc/auth-poll/${secret}`]: '/lab/oidc/auth-poll/-',
  [`//oidc/auth%2Dpoll/${secret}?a=b`]: '/oidc/auth-poll/-',
  [`/v1/job?queue=${secret}`]: '/v1/job',
};

/**
 * nginx logs neither the code and the state of a callback nor the request id of a device sign-in: not for a request that the
 * server answers, one that is redirected to https, one that exceeds a limit, and one that no process answers.
 */
export async function checkLogs(world: World): Promise<string> {
  const socket = join(makeFolder(), 'http.sock');
  const server = createServer((_request, response) => response.end('answered')).listen(socket);
  await once(server, 'listening');
  world.teardown(() => server.close());
  const nginx = await startNginx(world, [socket, socket]);
  for (const [path, logged] of Object.entries(paths)) {
    await checkLine(nginx, nginx.url + path, ` "GET ${logged} HTTP/1.1" 200 `);
    await checkLine(nginx, nginx.redirectUrl + path, ` "GET ${logged} HTTP/1.1" 308 `);
  }
  const burst = Array.from({ length: 80 }, () => ask(nginx, `${nginx.url}/auth/callback${query}`));
  const limited = (await Promise.all(burst)).filter((status) => status === 429).length;
  assert.ok(limited > 0);
  await new Promise((done) => server.close(done));
  for (const path of [`/auth/callback${query}`, `/oidc/auth-poll/${secret}`]) {
    assert.ok(await isUnanswered(nginx, nginx.url + path), path);
  }
  assert.equal(await ask(nginx, `${nginx.url}/readyz`, {}), 502);
  await waitUntil(() => nginx.errorLog().includes('GET /readyz'));
  assert.ok(!nginx.accessLog().includes(secret), nginx.accessLog());
  assert.ok(!nginx.errorLog().includes(secret), nginx.errorLog());
  return `${nginx.accessLog().trim().split('\n').length} lines`;
}

/** Sends a request, and waits until the access log has a line with this text. */
async function checkLine(nginx: Nginx, url: string, text: string): Promise<void> {
  const count = () => nginx.accessLog().split(text).length;
  const before = count();
  await ask(nginx, url);
  await waitUntil(() => count() > before).catch(() => assert.fail(`${text}: ${nginx.accessLog()}`));
}

/** Repeats a request while nginx's limit refuses it. Returns whether it then gets 502, since no process answers. */
async function isUnanswered(nginx: Nginx, url: string): Promise<boolean> {
  for (let n = 0; n < 50; n += 1) {
    if ((await ask(nginx, url)) === 502) return true;
    await new Promise((done) => setTimeout(done, 100));
  }
  return false;
}

/** Sends a GET from a page whose address is a callback. Returns the status. */
async function ask(
  { dispatcher }: Nginx,
  url: string,
  headers: Record<string, string> = { referer: `https://queuepass.example/auth/callback${query}` },
): Promise<number> {
  const answer = await request(url, { headers, dispatcher });
  await answer.body.dump();
  return answer.statusCode;
}
