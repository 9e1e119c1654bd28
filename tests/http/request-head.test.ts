import test from 'ava';
import { readTarget } from '../../server/http/request-head.js';
import { rawRequest } from '../support/raw-request.js';
import { startServer } from '../support/start-server.js';

test('a request target that is not a path and not a valid URL returns 400', async (t) => {
  const server = await startServer(t);
  for (const line of [
    'GET http:// HTTP/1.1',
    'GET http:///v1 HTTP/1.1',
    'GET http://[::1 HTTP/1.1',
    'POST http://[/v1/job HTTP/1.1',
    'GET http://a:b/v1 HTTP/1.1',
    'GET http://me@a/v1 HTTP/1.1',
    'GET ftp://a/v1 HTTP/1.1',
    'GET https://?x HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'GET * HTTP/1.1',
  ]) {
    const { status, headers, body } = await rawRequest(server, [line, 'Host: x', 'Content-Length: 0']);
    t.is(status, 400, line);
    t.is(headers['content-type'], 'application/json', line);
    t.deepEqual(JSON.parse(body), { message: 'Bad Request', detail: {} }, line);
  }
  const errors = server.logged.filter(({ level }) => level === 'error' || (level as number) >= 50);
  t.deepEqual(errors, []);
});

test('a request target in absolute form is served like its path and query', async (t) => {
  const server = await startServer(t);
  for (const line of ['GET http://x/v1 HTTP/1.1', 'GET HTTPS://[::1]:5000/v1/?a=b HTTP/1.1'])
    t.is((await rawRequest(server, [line, 'Host: x'])).status, 200, line);
  const unknown = await rawRequest(server, ['GET http://x/v2?a=b HTTP/1.1', 'Host: x']);
  t.deepEqual([unknown.status, unknown.body], [404, 'Not found: /v2']);
});

test('an absolute target without a path names the root', (t) => {
  t.is(readTarget('http://x'), '/');
  t.is(readTarget('http://x?a=b'), '/?a=b');
  t.is(readTarget('http://x/v1//a?b#c'), '/v1//a?b#c');
  t.is(readTarget('/v1'), '/v1');
  t.is(readTarget('v1'), undefined);
});
