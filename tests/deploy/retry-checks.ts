import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { makeFolder } from '../support/own-mongod.js';
import { startNginx } from './nginx.js';
import type { World } from './world.js';

/** An upstream that reads each request whole and is gone before it answers; `seen` are their methods. */
async function startBreaker(world: World): Promise<{ socket: string; seen: string[] }> {
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

/** What nginx sends twice: what changes nothing when it is, and what was not sent yet. */
export async function checkRetries(world: World): Promise<void> {
  const [first, second] = [await startBreaker(world), await startBreaker(world)];
  const broken = await startNginx(world, [first.socket, second.socket]);
  const times = () => first.seen.length + second.seen.length;
  assert.equal((await fetch(`${broken.url}/v1`)).status, 502);
  assert.equal(times(), 2, 'a GET goes to the other process as well');
  for (const path of ['/v1/job', '/v1/job/x/attachments', '/v1/oauth2/token']) {
    const before = times();
    assert.equal((await fetch(broken.url + path, { method: 'POST', body: 'x' })).status, 502);
    assert.equal(times(), before + 1, `a POST to ${path} is sent once`);
  }
  const one = await startBreaker(world);
  const half = await startNginx(world, [one.socket, join(makeFolder(), 'nobody.sock')]);
  for (let n = 1; n <= 6; n += 1) {
    await fetch(`${half.url}/v1/job`, { method: 'POST', body: 'x' });
    assert.equal(one.seen.length, n, 'a POST goes to the process that listens');
  }
}
