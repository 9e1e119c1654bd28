import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { digestStream, largeUpload, readPeakMemory } from '../support/large-file.js';
import { makeFolder } from '../support/own-mongod.js';
import { readBlocks } from '../walkthrough/read-walkthrough.js';
import { typeBlocks } from '../walkthrough/type-blocks.js';
import { type Nginx, startNginx } from './nginx.js';
import type { SocketServer } from './pair.js';
import { bearer, builtServer, repositoryPath, type World } from './world.js';

/** nginx and the servers behind it. */
export interface Site {
  nginx: Nginx;
  servers: readonly [SocketServer, SocketServer];
  /** The https URL of nginx with the prefix of the servers' routes. */
  url: string;
}

/** Runs the README's walk-through with the address of nginx instead of the server's. */
export async function checkWalkthrough({ url, nginx, servers }: Site): Promise<string> {
  const [node = '', program = ''] = builtServer;
  const { PATH, HOME } = process.env;
  const environment = { PATH, HOME, ...servers[0].settings };
  const key = execFileSync(node, [program, 'admin', 'reset-key'], { env: environment, stdio: 'pipe' });
  const page = readFileSync(repositoryPath('README.md'), 'utf8')
    .replaceAll('http://127.0.0.1:5000', url)
    .replaceAll('npx queuepass', `'${node}' '${program}'`);
  const blocks = readBlocks(page).filter(({ name }) => name === '');
  const asAdmin = { QUEUEPASS_CLIENT_ID: 'testflinger-admin', QUEUEPASS_CLIENT_KEY: String(key).trim() };
  const folder = makeFolder();
  mkdirSync(join(folder, '.queuepass'));
  // curl and the command trust the certificate.
  const trust = { CURL_CA_BUNDLE: nginx.certificate, NODE_EXTRA_CA_CERTS: nginx.certificate };
  const typed = { PATH, HOME, QUEUEPASS_SERVER: url, ...asAdmin, ...trust };
  const failed = await typeBlocks(blocks, typed, folder);
  assert.equal(failed, undefined);
  assert.ok(blocks.length >= 6);
  return `${blocks.length} blocks`;
}

/** nginx passes the longest headers that the server accepts. nginx or the server refuses longer ones. */
export async function checkLongPass({ url, nginx: { dispatcher } }: Site): Promise<string> {
  const submit = (queues: number) => {
    const headers = bearer(
      'contributor',
      Array.from({ length: queues }, (_, n) => `a-queue-of-the-lab-${n}`),
    );
    const body = JSON.stringify({ job_queue: `a-queue-of-the-lab-${queues - 1}`, job_priority: 100 });
    const sent = {
      method: 'POST' as const,
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      dispatcher,
    };
    return { length: headers.authorization?.length ?? 0, answer: request(`${url}/v1/job`, sent) };
  };
  const long = submit(1610);
  assert.ok(long.length > 62_000 && long.length < 65_000, `${long.length}`);
  assert.equal((await long.answer).statusCode, 200);
  const tooLong = (await submit(2000).answer).statusCode;
  assert.ok([400, 431].includes(tooLong), `${tooLong}`);
  return `a token of ${long.length} bytes`;
}

/** The server uses the scheme and client address that nginx sends, not those that the client sends. */
export async function checkForwarded(world: World, { url, nginx, servers }: Site): Promise<void> {
  const plain = await startNginx(world, [servers[0].socket, servers[1].socket], {
    isPlain: true,
    basePath: new URL(url).pathname,
  });
  const report = async (base: string, forgedScheme: string) => {
    const headers = { ...bearer('agent'), 'content-type': 'application/json' };
    const forged = { 'x-forwarded-proto': forgedScheme, 'x-forwarded-for': '203.0.113.9' };
    const { dispatcher } = nginx;
    const body = JSON.stringify({ state: 'waiting', queues: ['q9'] });
    const sent = { method: 'POST' as const, headers: { ...headers, ...forged }, body, dispatcher };
    const answer = await request(`${base}/v1/agents/data/deployed`, sent);
    assert.equal(answer.statusCode, 200);
    await answer.body.dump();
    return String(answer.headers['set-cookie']);
  };
  assert.match(await report(url, 'http'), /; Secure$/);
  assert.doesNotMatch(await report(plain.url + new URL(url).pathname, 'https'), /Secure/);
  const logged = servers.map(({ process }) => process.stdout()).join('');
  const sources = new Set([...logged.matchAll(/"source":"([^"]*)"/g)].map(([, source]) => source));
  // `local` marks this program's own requests over the sockets.
  assert.deepEqual(
    [...sources].filter((source) => source !== 'local'),
    ['127.0.0.1'],
  );
}

/** Uploads and downloads 200 MiB through nginx, which buffers them neither in memory nor on disk. */
export async function checkLargeFile({ url, nginx, servers }: Site): Promise<string> {
  const { dispatcher } = nginx;
  const path = `${url}/v1/result/${randomUUID()}/artifact`;
  const { body, headers, digest } = largeUpload(200);
  const sentHeaders = { ...bearer('agent'), ...headers };
  const sent = await request(path, { method: 'POST', headers: sentHeaders, body, dispatcher });
  assert.equal(sent.statusCode, 200, await sent.body.text());
  const fetched = await request(path, { headers: bearer('contributor'), dispatcher });
  assert.equal(await digestStream(fetched.body), digest());
  const proxy = readPeakMemory(nginx.workerPid);
  const server = Math.max(...servers.map(({ process }) => readPeakMemory(process.child.pid as number)));
  assert.ok(proxy < 32, `nginx used ${proxy} MiB`);
  assert.ok(server < 400, `a server used ${server} MiB`);
  assert.doesNotMatch(nginx.errorLog(), /temporary file/);
  return `at most ${proxy} MiB in nginx, ${server} MiB in a server`;
}
