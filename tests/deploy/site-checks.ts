import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { request } from 'undici';
import { makeFolder } from '../support/own-mongod.js';
import { startNginx, testShippedSite } from './nginx.js';
import type { Site } from './proxy-checks.js';
import type { World } from './world.js';

/** `nginx -t` accepts the site file as it is installed. */
export async function checkSiteLoads(): Promise<void> {
  const { status, text } = testShippedSite();
  assert.equal(status, 0, text);
  // nginx only warns about a duplicate or an old directive.
  assert.doesNotMatch(text, /\[(warn|emerg)\]/);
}

/** Port 80 only redirects to https, and keeps the method, the path and the query. */
export async function checkRedirect({ nginx }: Site): Promise<void> {
  for (const method of ['GET', 'POST'] as const) {
    const answer = await request(`${nginx.redirectUrl}/lab/v1/job?queue=q1`, { method });
    await answer.body.dump();
    assert.equal(answer.statusCode, 308);
    assert.equal(answer.headers.location, 'https://127.0.0.1/lab/v1/job?queue=q1');
  }
}

/** nginx limits a burst of logins and a burst of sign-ins separately, and no other requests. */
export async function checkLimits({ url, nginx: { dispatcher } }: Site): Promise<string> {
  const countLimited = async (makePath: (n: number) => string) => {
    const answers = Array.from({ length: 80 }, async (_, n) => {
      const answer = await request(url + makePath(n), { headers: { 'client-key': 'x' }, dispatcher });
      await answer.body.dump();
      return answer.statusCode;
    });
    return (await Promise.all(answers)).filter((status) => status === 429).length;
  };
  const limited = {
    logins: await countLimited((n) => `/v1/authenticate/token/nobody-${n}`),
    signIns: await countLimited((n) => (n % 2 ? '/auth/login' : `/oidc/auth-poll/nobody-${n}`)),
  };
  for (const path of ['/login', '/auth', '/auth/callback?code=c&state=s']) {
    await wait(2100);
    const count = await countLimited(() => path);
    assert.ok(count >= 1 && count <= 40, `${count} of 80 requests for ${path} were refused`);
  }
  for (const [name, count] of Object.entries(limited)) {
    assert.ok(count >= 1 && count <= 40, `${count} of 80 ${name} were refused`);
  }
  for (const path of ['/v1', '/v1/secrets/x/auth/login', '/queues/login', '/authors', '/docs']) {
    assert.equal(await countLimited(() => path), 0, path);
  }
  return `${limited.logins} of 80 logins and ${limited.signIns} of 80 sign-ins refused`;
}

/** nginx passes on each event of a stream whose response has `X-Accel-Buffering: no`, and buffers other responses. */
export async function checkEventStream(world: World): Promise<void> {
  const socket = join(makeFolder(), 'http.sock');
  const server = createServer(({ url }, response) => {
    const accel = url === '/events' ? { 'x-accel-buffering': 'no' } : {};
    response.writeHead(200, { 'content-type': 'text/event-stream', ...accel });
    response.write('data: first\n\n');
    response.once('close', () => response.destroy());
  }).listen(socket);
  await once(server, 'listening');
  world.teardown(() => server.close());
  const nginx = await startNginx(world, [socket, socket]);
  const readFirst = async (path: string) => {
    const ended = new AbortController();
    const { dispatcher } = nginx;
    const read = async () => {
      const answer = await request(nginx.url + path, { dispatcher, signal: ended.signal });
      for await (const chunk of answer.body) return String(chunk);
      return 'nothing';
    };
    const first = read().catch(() => 'nothing');
    const result = await Promise.race([first, wait(1500).then(() => 'late')]);
    ended.abort();
    await first;
    return result;
  };
  assert.equal(await readFirst('/events'), 'data: first\n\n');
  assert.equal(await readFirst('/other'), 'late', 'the check cannot fail: nginx does not buffer at all');
}
