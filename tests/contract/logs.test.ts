import test from 'ava';
import jwt from 'jsonwebtoken';
import { addClient, bearer, jsonBody, makeToken } from '../support/clients.js';
import { startServer, type TestServer, testSigningKey } from '../support/start-server.js';

const basic = (id: string, key: string) => `Basic ${Buffer.from(`${id}:${key}`).toString('base64')}`;
const accessLines = (server: TestServer) =>
  server.logged.filter((line) => 'method' in line && 'status' in line);
const securityLines = (server: TestServer) => server.logged.filter((line) => line['log'] === 'security');

async function grant(
  server: TestServer,
  id: string,
  key: string,
): Promise<{ access_token: string; refresh_token: string }> {
  const headers = { authorization: basic(id, key) };
  const response = await server.request('/v1/oauth2/token', { method: 'POST', headers });
  return (await response.json()) as { access_token: string; refresh_token: string };
}

test('secrets in any part of a request never appear in the log', async (t) => {
  const server = await startServer(t, { settings: { LOG_LEVEL: 'debug' } });
  const secret = 'kq7-client-secret-of-c';
  await addClient(server, { client_id: 'c', role: 'admin' }, secret);
  const admin = bearer(server, { client_id: 'root', role: 'admin' });
  const put = (id: string, body: unknown, query = '') =>
    server.request(`/v1/client-permissions/${id}${query}`, { ...jsonBody(body, admin), method: 'PUT' });
  const made = (await (await put('m', {}, '?generate_key=true')).json()) as { client_key: string };
  const { access_token: pass, refresh_token: refresh } = await grant(server, 'c', secret);
  const stored = await server.deps.collections.clients.findOne({ client_id: 'c' });
  const expired = jwt.sign({ exp: 1, iat: 1, sub: 'access_token' }, testSigningKey);
  const secrets = [
    secret,
    made.client_key,
    made.client_key.slice(17),
    pass,
    refresh,
    expired,
    String(stored?.client_secret_hash),
    basic('c', secret).slice(6),
    testSigningKey,
  ];
  for (const planted of secrets) {
    const there = encodeURIComponent(planted);
    const safe = planted.replaceAll(/[^\x20-\x7e]/g, '');
    const body = (fields: object, headers = admin) => jsonBody(fields, headers);
    const attempts: [path: string, init: RequestInit][] = [
      [`/${there}`, {}],
      [`/v1/authenticate/token/${there}`, { headers: { 'client-key': safe } }],
      ['/v1/authenticate/token/c', { headers: { 'client-key': safe } }],
      [`/v1/authenticate/token/c?client-key=${there}`, {}],
      ['/v1/authenticate/token/c', { headers: { 'client-key': `${safe}x` } }],
      ['/v1/oauth2/token', { method: 'POST', headers: { authorization: `Basic ${safe}` } }],
      ['/v1/oauth2/token', { method: 'POST', headers: { authorization: basic(safe, safe) } }],
      ['/v1/oauth2/token', { method: 'POST', headers: { authorization: basic('c', `${safe}x`) } }],
      [
        '/v1/oauth2/token',
        { method: 'POST', body: new URLSearchParams({ client_id: planted, client_secret: planted }) },
      ],
      ['/v1/oauth2/refresh', body({ refresh_token: planted })],
      ['/v1/oauth2/refresh', body({ refresh_token: { [planted]: planted } })],
      ['/v1/oauth2/revoke', body({ refresh_token: `${planted}x` })],
      [`/v1/client-permissions/${there}`, { headers: admin }],
      [`/v1/client-permissions/c`, { ...body({ [planted]: planted }), method: 'PUT' }],
      [`/v1/client-permissions/c`, { ...body({ client_secret: planted }), method: 'PATCH' }],
      [`/v1/client-permissions/c/keys/${there}`, { headers: admin, method: 'DELETE' }],
      ['/v1/client-permissions/c/keys', { headers: { 'client-key': safe } }],
      [
        '/v1/job',
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: `{"a": "${planted}` },
      ],
      ['/v1/job', body({ job_queue: 'q', job_id: planted }, { authorization: `Bearer ${safe}` })],
      ['/v1/job', body({ job_queue: 'q', job_priority: planted }, { authorization: safe })],
      ['/v1/job', body({ job_queue: 'q' }, { ...admin, 'idempotency-key': safe } as never)],
      ['/v1/job', body({ job_queue: 'q', exclude_agents: [planted] })],
      [
        `/v1/job?queue=${there}`,
        { headers: { ...bearer(server, { role: 'agent' }), cookie: `agent_name=${there}` } },
      ],
      [
        `/v1/job/${there}`,
        {
          headers: {
            cookie: `x=${there}`,
            'x-forwarded-for': safe,
            'user-agent': safe,
            'x-request-id': safe,
          },
        },
      ],
      [
        `/v1/job/${there}/position`,
        { headers: { referer: `http://x/${there}`, authorization: `Bearer ${pass}x` } },
      ],
    ];
    for (const [path, init] of attempts) await (await server.request(path, init)).text();
    const logText = server.logText();
    const parts = [planted, there, basic('c', planted).slice(6)];
    for (const part of parts)
      t.false(
        logText.includes(part),
        logText.split('\n').find((line) => line.includes(part)),
      );
  }
  t.true(
    server.logText().includes('"client_id":"root"'),
    'the log contains the client id, which is not secret',
  );
});

test('each request is logged in one line, with the request id of its response', async (t) => {
  const server = await startServer(t);
  const job = jsonBody({ job_queue: 'q' });
  const requests: [path: string, init: RequestInit, line: object][] = [
    ['/v1', {}, { method: 'GET', route: '/v1', status: 200 }],
    ['/v1/job', job, { method: 'POST', route: '/v1/job', status: 200 }],
    ['/v1/job', { method: 'HEAD' }, { method: 'HEAD', route: 'none', status: 405 }],
    ['/nowhere', {}, { method: 'GET', route: 'none', status: 404 }],
    ['/v1/job/x', {}, { method: 'GET', route: '/v1/job/{job_id}', status: 400 }],
    ['/v1/client-permissions', {}, { method: 'GET', route: '/v1/client-permissions', status: 403 }],
  ];
  const ids = new Set<string>();
  for (const [path, init, wanted] of requests) {
    const before = accessLines(server).length;
    const response = await server.request(path, init);
    await response.text();
    const lines = accessLines(server).slice(before);
    t.is(lines.length, 1, path);
    const { time, ms, bytes, source, request_id, level, job_id, ...rest } = lines[0] ?? {};
    t.deepEqual(rest, wanted as never);
    t.is(request_id, response.headers.get('x-request-id'));
    t.regex(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    t.is(source, '127.0.0.1');
    t.deepEqual([typeof ms, typeof bytes, level], ['number', 'number', 'info']);
    t.is(typeof job_id, init === job ? 'string' : 'undefined', path);
    ids.add(String(request_id));
  }
  t.is(ids.size, requests.length);
});

test('errors of our own routes contain the request id, and errors of v1 routes do not', async (t) => {
  const server = await startServer(t);
  const own = await server.request('/v1/client-permissions/x/keys', {
    headers: bearer(server, { role: 'admin' }),
  });
  const { request_id, ...rest } = (await own.json()) as Record<string, unknown>;
  t.is(own.status, 404);
  t.is(request_id, own.headers.get('x-request-id'));
  t.deepEqual(rest, { message: 'Error: Specified client_id does not exist.', detail: {} });
  const v1 = await server.request('/v1/client-permissions/x', { headers: bearer(server, { role: 'admin' }) });
  t.deepEqual(await v1.json(), rest);
});

test('the security log records each login, refusal, token and change of permissions, with actor, event, source and time', async (t) => {
  const server = await startServer(t, { settings: { TRUST_PROXY: '1' } });
  const secret = 'a long secret of c';
  await addClient(server, { client_id: 'c', role: 'contributor' }, secret);
  await server.deps.collections.agents.insertOne({ name: 'a', queues: ['q'] });
  const from = { 'x-forwarded-for': '192.0.2.7' };
  const admin = { ...bearer(server, { client_id: 'root', role: 'admin' }), ...from };
  const contributor = { ...bearer(server, { client_id: 'c' }), ...from };
  const ask = async (method: string, path: string, headers: Record<string, string>, body?: unknown) => {
    const before = securityLines(server).length;
    const init =
      body === undefined ? { headers: { ...from, ...headers } } : jsonBody(body, { ...from, ...headers });
    const response = await server.request(path, { ...init, method });
    const text = await response.text();
    return { text, lines: securityLines(server).slice(before) };
  };
  const expect = async (
    [method, path, headers, body]: [string, string, Record<string, string>, unknown?],
    event: string,
    outcome: string,
    actor: string | undefined,
    target: string | undefined,
  ) => {
    const { text, lines } = await ask(method, path, headers, body);
    const place = `${method} ${path}: ${JSON.stringify(lines)}`;
    t.is(lines.length, 1, place);
    const line = lines[0] ?? {};
    t.deepEqual(
      [line['event'], line['outcome'], line['actor'], line['source']],
      [event, outcome, actor, '192.0.2.7'],
      place,
    );
    if (target !== undefined) t.is(line['target'], target, place);
    t.regex(String(line['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    return text;
  };
  const seed = '/v1/authenticate/token/c';
  await expect(['GET', seed, { 'client-key': secret }], 'login', 'accepted', 'c', undefined);
  await expect(['GET', seed, { 'client-key': 'wrong' }], 'login', 'refused', undefined, 'c');
  await expect(['GET', seed, {}], 'login', 'refused', undefined, 'c');
  await expect(
    ['GET', '/v1/authenticate/token/nobody', { 'client-key': 'x' }],
    'login',
    'refused',
    undefined,
    undefined,
  );
  await expect(['POST', '/v1/oauth2/token', {}], 'login', 'refused', undefined, 'POST /v1/oauth2/token');
  const basicHeader = { authorization: basic('c', secret) };
  const granted = JSON.parse(
    await expect(['POST', '/v1/oauth2/token', basicHeader], 'login', 'accepted', 'c', undefined),
  ) as {
    refresh_token: string;
  };
  const refresh = { refresh_token: granted.refresh_token };
  await expect(['POST', '/v1/oauth2/refresh', {}, refresh], 'refresh', 'accepted', 'c', undefined);
  await expect(
    ['POST', '/v1/oauth2/refresh', {}, { refresh_token: 'x' }],
    'refresh',
    'refused',
    undefined,
    undefined,
  );
  await expect(['POST', '/v1/oauth2/revoke', admin, refresh], 'token_revoked', 'accepted', 'root', 'c');
  const pass = { authorization: `Bearer ${makeToken(server)}x` };
  await expect(
    ['GET', '/v1/restricted-queues', pass],
    'token_refused',
    'refused',
    undefined,
    'GET /v1/restricted-queues',
  );
  await expect(
    ['POST', '/v1/oauth2/revoke', contributor, refresh],
    'role_refused',
    'refused',
    'c',
    'POST /v1/oauth2/revoke',
  );
  const urgent = { job_queue: 'q', job_priority: 9 };
  await expect(['POST', '/v1/job', contributor, urgent], 'push_refused', 'refused', 'c', 'POST /v1/job');
  await expect(['POST', '/v1/job', {}, urgent], 'push_refused', 'refused', undefined, 'POST /v1/job');
  const made = { client_secret: 'a long secret of d', role: 'agent' };
  const clients = '/v1/client-permissions';
  await expect(['PUT', `${clients}/d`, admin, made], 'client_changed', 'accepted', 'root', 'd');
  const higher = { role: 'admin' };
  const manager = { ...bearer(server, { client_id: 'boss', role: 'manager' }), ...from };
  await expect(['PUT', `${clients}/d`, manager, higher], 'role_refused', 'refused', 'boss', undefined);
  const key = JSON.parse(
    await expect(['POST', `${clients}/d/keys`, admin, {}], 'client_key_made', 'accepted', 'root', undefined),
  ) as {
    key_id: string;
  };
  await expect(
    ['DELETE', `${clients}/d/keys/${key.key_id}`, admin],
    'client_key_removed',
    'accepted',
    'root',
    `d ${key.key_id}`,
  );
  await expect(['POST', `${clients}/d/agent-token`, admin, {}], 'agent_token_made', 'accepted', 'root', 'd');
  await expect(
    ['POST', '/v1/restricted-queues/q', admin, { client_id: 'c' }],
    'restriction_changed',
    'accepted',
    'root',
    'q + c',
  );
  await expect(
    ['DELETE', '/v1/restricted-queues/q', admin, { client_id: 'c' }],
    'restriction_changed',
    'accepted',
    'root',
    'q - c',
  );
  await expect(['DELETE', `${clients}/d`, admin], 'client_removed', 'accepted', 'root', 'd');
});
