import test from 'ava';
import { routes } from '../../server/areas.js';
import { type AnyRoute, rolesOf } from '../../server/http/route.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { rawRequest } from '../support/raw-request.js';
import { startServer, type TestServer } from '../support/start-server.js';

const nameOf = ({ method, path }: AnyRoute) => `${method} ${path}`;
const pathOf = ({ path }: AnyRoute, value: string) => path.replaceAll(/\{\w+\}/g, value);

/** The routes that the server's settings turn on. */
const routesOf = ({ deps }: TestServer) => routes.filter(({ isOn }) => isOn?.(deps) ?? true);

/** Removes from a page what differs in each of them. */
const withoutTokens = (text: string) =>
  text.replace(/"request_id":"[^"]*"/, '').replace(/name="csrf_token" value="[^"]*"/, '');

function headersFor(server: TestServer, route: AnyRoute): string[] {
  const role = rolesOf(route).at(-1);
  const token =
    role === undefined ? [] : [`Authorization: ${bearer(server, { client_id: 'x', role }).authorization}`];
  return ['Host: x', ...token];
}

const leaks = /\.(ts|js):\d|\bat \w+|node_modules|MongoServerError|BSON/;

test('no path makes a route fail, whatever its parameters are', async (t) => {
  const server = await startServer(t);
  const values = [
    '%00',
    '%ff',
    '%2F',
    '%2e%2e',
    '..',
    '.',
    '%',
    '%zz',
    '\u00ff\u00fe',
    '$where',
    '[$ne]',
    '{}',
    'a b'.replace(' ', '%20'),
  ];
  const long = 'x'.repeat(40_000);
  for (const route of routes.filter(({ path }) => path.includes('{'))) {
    for (const value of [...values, long]) {
      const line = `${route.method} ${pathOf(route, value)} HTTP/1.1`;
      const { status, body } = await rawRequest(server, [
        line,
        ...headersFor(server, route),
        'Content-Length: 0',
      ]);
      const place = `${nameOf(route)} ${value.slice(0, 20)}: ${status} ${body.slice(0, 200)}`;
      t.true(status < 500, place);
      t.notRegex(body.replaceAll(long, ''), leaks, place);
    }
  }
});

test('an unknown path returns 404 as text, and paths are case-sensitive', async (t) => {
  const server = await startServer(t);
  for (const path of [
    '/v2',
    '/v1/jobs',
    '/V1',
    '/v1/Job',
    '/v1/job/a/b/c',
    '/v2//job',
    '//v2',
    '/v1/job%2F',
    '/livez/x',
    '/%ff',
  ]) {
    const response = await rawRequest(server, [`GET ${path} HTTP/1.1`, 'Host: x']);
    t.is(response.status, 404, path);
    t.is(response.headers['content-type'], 'text/plain; charset=utf-8', path);
    t.is(response.body, `Not found: ${path}`, path);
  }
  const login = await server.request('/oidc/auth-init', { method: 'POST' });
  t.deepEqual([login.status, await login.text()], [404, 'Not found: /oidc/auth-init']);
});

test('a method that a path does not support returns 405 and names the supported methods', async (t) => {
  const server = await startServer(t);
  const paths = new Map<string, Set<string>>();
  for (const { method, path, refuseHead } of routesOf(server)) {
    const methods = paths.get(path) ?? paths.set(path, new Set()).get(path);
    methods?.add(method);
    if (method === 'GET' && !refuseHead) methods?.add('HEAD');
  }
  for (const [path, methods] of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      if (methods.has(method)) continue;
      const url = path.replaceAll(/\{\w+\}/g, 'thing');
      // Another route may match this path and method: /v1/job/{job_id} matches where /v1/job/search does not.
      const shadowed = routesOf(server).some(
        (route) =>
          route.path !== path &&
          new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(url) &&
          (route.method === method || (route.method === 'GET' && method === 'HEAD')),
      );
      if (shadowed) continue;
      const { status, headers, body } = await rawRequest(server, [`${method} ${url} HTTP/1.1`, 'Host: x']);
      const place = `${method} ${path}`;
      t.is(status, 405, place);
      const allow = headers['allow']?.split(', ') ?? [];
      for (const has of methods) t.true(allow.includes(has), `${place} allows ${allow.join()}`);
      t.false(allow.includes(method), place);
      if (method !== 'HEAD')
        t.deepEqual(JSON.parse(body), { message: 'Method Not Allowed', detail: {} }, place);
    }
  }
});

test('a trailing slash makes no difference, except that a page with relative links redirects', async (t) => {
  const server = await startServer(t);
  for (const route of routesOf(server)) {
    // Both requests are refused for their token before anything is read, so the responses are the same.
    const url = pathOf(route, 'thing');
    const answers = [];
    for (const path of [url, `${url}/`]) {
      const response = await server.request(path, {
        method: route.method,
        headers: { authorization: 'Bearer x' },
      });
      answers.push([response.status, withoutTokens(await response.text())]);
    }
    if (route.redirectSlash) t.deepEqual(answers[1], [308, ''], nameOf(route));
    else t.deepEqual(answers[1], answers[0], nameOf(route));
    t.not(answers[1]?.[0], 404, nameOf(route));
  }
});

test('HEAD returns the status and type of GET, without a body', async (t) => {
  const server = await startServer(t);
  for (const route of routes.filter(({ method, refuseHead }) => method === 'GET' && !refuseHead)) {
    const role = rolesOf(route).at(-1);
    const headers = role === undefined ? {} : bearer(server, { role });
    const url = pathOf(route, '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d');
    const got = await server.request(url, { headers });
    const head = await server.request(url, { method: 'HEAD', headers });
    t.is(head.status, got.status, nameOf(route));
    t.is(head.headers.get('content-type'), got.headers.get('content-type'), nameOf(route));
    t.is(await head.text(), '', nameOf(route));
    await got.text();
  }
});

test('with a base path every route is served below it, and the health checks also at the root', async (t) => {
  const server = await startServer(t, { settings: { BASE_PATH: '/lab/qp/' } });
  const status = async (path: string) => (await server.request(path)).status;
  for (const path of [
    '/lab/qp/v1',
    '/lab/qp/v1/',
    '/lab/qp',
    '/lab/qp/livez',
    '/lab/qp/readyz',
    '/livez',
    '/readyz',
    '/lab/qp/openapi.json',
    '/lab/qp/docs',
  ])
    t.is(await status(path), 200, path);
  for (const path of ['/v1', '/v1/job', '/openapi.json', '/docs', '/lab/livez', '/'])
    t.is(await status(path), 404, path);
  const submitted = await server.request('/lab/qp/v1/job', jsonBody({ job_queue: 'q' }));
  t.is(submitted.status, 200);
  const { servers } = (await (await server.request('/lab/qp/openapi.json')).json()) as { servers: unknown };
  t.deepEqual(servers, [{ url: '/lab/qp' }]);
});

test('headers up to 60 KiB are read, and Node refuses larger ones', async (t) => {
  const server = await startServer(t);
  const queues = Object.fromEntries(Array.from({ length: 2750 }, (_, i) => [`queue-${i}`, 5]));
  const long = bearer(server, { client_id: 'x', max_priority: queues });
  t.true(
    long.authorization.length > 50_000 && long.authorization.length < 62_000,
    `${long.authorization.length}`,
  );
  const response = await server.request(
    '/v1/job',
    jsonBody({ job_queue: 'queue-2749', job_priority: 5 }, long),
  );
  t.is(response.status, 200);
  const tooLong = await rawRequest(server, ['GET /v1 HTTP/1.1', 'Host: x', `X: ${'x'.repeat(70_000)}`]);
  t.is(tooLong.status, 431);
});

test('two Host or Authorization headers, two lengths, and a length with chunked encoding are refused', async (t) => {
  const server = await startServer(t);
  const good = `Authorization: ${bearer(server, { role: 'manager' }).authorization}`;
  const list = 'GET /v1/client-permissions HTTP/1.1';
  t.is((await rawRequest(server, [list, 'Host: x', good])).status, 200);
  for (const repeated of [
    ['Host: x', good, good],
    ['Host: x', good, 'authorization: Bearer x'],
    ['Host: x', 'HOST: x', good],
    ['Host: x', good, 'host: y'],
  ]) {
    const { status, body } = await rawRequest(server, [list, ...repeated]);
    t.deepEqual([status, JSON.parse(body)], [400, { message: 'Bad Request', detail: {} }], repeated.join());
  }
  const post = ['POST /v1/job HTTP/1.1', 'Host: x', 'Content-Type: application/json'];
  t.is((await rawRequest(server, [...post, 'Content-Length: 2', 'Content-Length: 3'], ['{} '])).status, 400);
  const smuggled = [...post, 'Content-Length: 2', 'Transfer-Encoding: chunked'];
  t.is((await rawRequest(server, smuggled, ['0\r\n\r\n'])).status, 400);
  t.is((await rawRequest(server, ['GET /v1 HTTP/1.1'])).status, 400);
});

test('a doubled slash makes no difference, except in a path that a parameter holds', async (t) => {
  const server = await startServer(t);
  for (const route of routesOf(server)) {
    const url = pathOf(route, 'thing');
    const everywhere = url.replaceAll('/', '//');
    const doubled = route.wildcard ? everywhere.replace(/\/\/(?=[^/]*$)/, '/') : everywhere;
    const answers = [];
    for (const path of [url, doubled]) {
      const { status, headers, body } = await rawRequest(server, [
        `${route.method} ${path} HTTP/1.1`,
        'Host: x',
        'Authorization: Bearer x',
        'Content-Length: 0',
      ]);
      answers.push([status, headers['content-type'], withoutTokens(body)]);
    }
    t.deepEqual(answers[1], answers[0], `${nameOf(route)} ${doubled}`);
    t.not(answers[1]?.[0], 404, nameOf(route));
  }
  const unknown = await rawRequest(server, ['GET //v2//job HTTP/1.1', 'Host: x']);
  t.deepEqual([unknown.status, unknown.body], [404, 'Not found: //v2//job']);
});

test('a doubled slash makes no difference below a base path', async (t) => {
  const server = await startServer(t, { settings: { BASE_PATH: '/lab/qp' } });
  for (const path of ['//lab//qp//v1', '/lab/qp//v1//', '//livez'])
    t.is((await rawRequest(server, [`GET ${path} HTTP/1.1`, 'Host: x'])).status, 200, path);
});

test('a 401 names the scheme of the route', async (t) => {
  const server = await startServer(t, { settings: { ANONYMOUS_ACCESS: 'deny' } });
  let tried = 0;
  for (const route of routesOf(server).filter((one) => rolesOf(one).length > 0)) {
    for (const authorization of ['Bearer', '']) {
      const { status, headers } = await rawRequest(server, [
        `${route.method} ${pathOf(route, 'thing')} HTTP/1.1`,
        'Host: x',
        `Authorization: ${authorization}`,
        'Content-Length: 0',
      ]);
      t.is(status, 401, nameOf(route));
      t.is(headers['www-authenticate'], 'Bearer realm="queuepass"', nameOf(route));
      tried += 1;
    }
  }
  t.true(tried > 60);
});

test('a client key or id that looks like a query operator is treated as a plain string', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'c' }, 'the key of the client');
  for (const path of [
    '/v1/authenticate/token/c?client-key[$ne]=1',
    '/v1/authenticate/token/[$ne]',
    '/v1/authenticate/token/%7B%22$ne%22:1%7D',
  ]) {
    const response = await server.request(path, { headers: { 'client-key': '{"$ne": ""}' } });
    t.deepEqual([response.status, await response.text()], [401, 'Invalid client id or client key']);
  }
});
