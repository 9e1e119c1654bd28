import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { request } from 'undici';
import { makeFolder } from '../support/own-mongod.js';
import { type Nginx, startNginx } from './nginx.js';
import type { World } from './world.js';

/** Starts an upstream that reads each request and closes the connection without a response. `seen` contains the methods. */
async function startClosingUpstream(world: World): Promise<{ socket: string; seen: string[] }> {
  const socket = join(makeFolder(), 'http.sock');
  const seen: string[] = [];
  const server = createServer((request) => {
    request.resume().once('end', () => {
      seen.push(request.method ?? '');
      request.socket.destroy();
    });
  }).listen(socket);
  await once(server, 'listening');
  world.teardown(() => server.close());
  return { socket, seen };
}

/** nginx sends a request to the second process only if it is safe to repeat or was not sent yet. */
export async function checkRetries(world: World): Promise<void> {
  const [first, second] = [await startClosingUpstream(world), await startClosingUpstream(world)];
  const broken = await startNginx(world, [first.socket, second.socket]);
  const send = async ({ url, dispatcher }: Nginx, path: string, method: 'GET' | 'POST' = 'POST') => {
    const answer = await request(url + path, { method, dispatcher, ...(method === 'POST' && { body: 'x' }) });
    await answer.body.dump();
    return answer.statusCode;
  };
  const requestCount = () => first.seen.length + second.seen.length;
  assert.equal(await send(broken, '/v1', 'GET'), 502);
  assert.equal(requestCount(), 2, 'a GET is also sent to the other process');
  for (const path of ['/v1/job', '/v1/job/x/attachments', '/v1/oauth2/token']) {
    const before = requestCount();
    assert.equal(await send(broken, path), 502);
    assert.equal(requestCount(), before + 1, `a POST to ${path} is sent once`);
  }
  const one = await startClosingUpstream(world);
  const half = await startNginx(world, [one.socket, join(makeFolder(), 'nobody.sock')]);
  for (let n = 1; n <= 6; n += 1) {
    await send(half, '/v1/job');
    assert.equal(one.seen.length, n, 'a POST is sent to the process that listens');
  }
}
