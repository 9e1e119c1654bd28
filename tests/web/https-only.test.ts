import test from 'ava';
import { rawRequest } from '../support/raw-request.js';
import { startServer, type TestServer } from '../support/start-server.js';

const field = 'strict-transport-security';
const pages = ['/', '/agents', '/jobs', '/queues', '/auth/local'];

/** Asks for a page with these headers. Returns its status and the header that makes browsers use https. */
async function ask(server: TestServer, path: string, ...headers: string[]) {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close'];
  const { status, headers: answered } = await rawRequest(server, lines);
  return [status, answered[field]];
}

test('a page that a browser got over https makes it use https for a year, and a page over http does not', async (t) => {
  const proxied = await startServer(t, { settings: { TRUST_PROXY: '1' } });
  const untrusting = await startServer(t);
  const secure = await startServer(t, { settings: { PUBLIC_URL: 'https://lab.example' } });
  const plain = await startServer(t, { settings: { PUBLIC_URL: 'http://lab.example' } });
  const https = 'X-Forwarded-Proto: https';
  for (const path of pages) {
    t.deepEqual(await ask(proxied, path, https), [200, 'max-age=31536000'], path);
    t.deepEqual(await ask(proxied, path, 'X-Forwarded-Proto: http'), [200, undefined], path);
    t.deepEqual(await ask(proxied, path), [200, undefined], path);
    t.deepEqual(await ask(untrusting, path, https), [200, undefined], path);
    t.deepEqual(await ask(secure, path), [200, 'max-age=31536000'], path);
  }
  t.deepEqual(await ask(plain, '/agents', https), [200, undefined]);
});
