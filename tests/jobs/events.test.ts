import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

type Answer = (response: ServerResponse, received: Received) => unknown;

/** Starts a webhook or proxy that records its requests and stops when the test ends. */
async function startWebhook(t: ExecutionContext, answer: Answer) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method, url, headers } = request;
      const got = { method, url, headers, body: Buffer.concat(parts).toString() };
      received.push(got);
      answer(response, got);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const ok: Answer = (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('thanks');
const unknown = '0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';
const events = [{ event_name: 'started', timestamp: '2026-01-02T03:04:05Z', detail: 'x' }];

function post(server: TestServer, jobId: string, body: Record<string, unknown>): Promise<Response> {
  return server.request(`/v1/job/${jobId}/events`, jsonBody(body, agentHeaders(server)));
}

async function answerOf(response: Response): Promise<[number, unknown]> {
  const body = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json';
  return [response.status, isJson ? JSON.parse(body) : body];
}

const refusal = (status: number, message: string) => [status, { message, detail: {} }];

test('events are forwarded to the webhook with PUT and the bearer token, and its response is returned', async (t) => {
  const webhook = await startWebhook(t, ok);
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url, WEBHOOK_AUTH: 'token-1' } });
  const jobId = await submit(server, {});
  const forwarded = { agent_id: 'a1', job_queue: 'q1', events };
  const response = await post(server, jobId, {
    ...forwarded,
    job_status_webhook: `${webhook.url}/hooks/1?x=2#y`,
  });
  t.is(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.deepEqual(await answerOf(response), [200, 'thanks']);
  t.is(webhook.received.length, 1);
  const [got] = webhook.received;
  t.is(got?.method, 'PUT');
  t.is(got?.url, '/hooks/1?x=2');
  t.is(got?.headers.authorization, 'Bearer token-1');
  t.is(got?.headers['content-type'], 'application/json');
  t.deepEqual(JSON.parse(got?.body ?? ''), forwarded);
});

test('without WEBHOOK_AUTH no credentials are sent, and only the fields of the request are forwarded', async (t) => {
  const webhook = await startWebhook(t, ok);
  const server = await startServer(t, { settings: { WEBHOOK_URL: `${webhook.url}/some/path` } });
  const jobId = await submit(server, {});
  t.is((await post(server, jobId, { job_status_webhook: webhook.url })).status, 200);
  t.is(webhook.received[0]?.headers.authorization, undefined);
  t.is(webhook.received[0]?.headers.cookie, undefined);
  t.is(webhook.received[0]?.body, '{}');
});

test('errors are reported in this order: body, id, job, setting, host', async (t) => {
  const webhook = await startWebhook(t, ok);
  const bare = await startServer(t);
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const elsewhere = { job_status_webhook: 'http://elsewhere.example/' };
  t.deepEqual(await answerOf(await post(bare, 'no-uuid', {})), [
    422,
    {
      message: 'Validation error',
      detail: { json: { job_status_webhook: ['Missing data for required field.'] } },
    },
  ]);
  t.is((await post(bare, 'no-uuid', { ...elsewhere, more: 1 })).status, 422);
  t.is((await post(bare, 'no-uuid', { ...elsewhere, events: [{ event_name: 'x' }] })).status, 422);
  t.deepEqual(
    await answerOf(await post(bare, 'no-uuid', elsewhere)),
    refusal(400, 'Invalid job_id specified'),
  );
  t.deepEqual(await answerOf(await post(bare, unknown, elsewhere)), refusal(404, 'Job not found'));
  const unset = await post(bare, await submit(bare, {}), elsewhere);
  t.deepEqual(await answerOf(unset), refusal(500, 'Webhook URL not configured'));
  const jobId = await submit(server, {});
  t.deepEqual(await answerOf(await post(server, unknown, elsewhere)), refusal(404, 'Job not found'));
  const refused = refusal(403, 'Invalid job_status_webhook URL specified');
  t.deepEqual(await answerOf(await post(server, jobId, elsewhere)), refused);
  t.is(webhook.received.length, 0);
});

test('a webhook with another scheme, host or port is refused, also when the URL disguises it', async (t) => {
  const webhook = await startWebhook(t, ok);
  const { port } = new URL(webhook.url);
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const jobId = await submit(server, {});
  const refused = [
    `https://127.0.0.1:${port}/`,
    `ftp://127.0.0.1:${port}/`,
    'http://127.0.0.1/',
    'http://127.0.0.1:1/',
    `http://localhost:${port}/`,
    `http://user@127.0.0.1:${port}/`,
    `http://user:pass@127.0.0.1:${port}/`,
    `http://@127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}@evil.example/`,
    `http://evil.example/@127.0.0.1:${port}/`,
    `http://evil.example\\@127.0.0.1:${port}/`,
    `http:\\\\127.0.0.1:${port}/`,
    `http://127.0.0.1:${port}\\.evil.example/`,
    `http://127.0.0.1:${port}.evil.example/`,
    `http://127.0.0.1.evil.example:${port}/`,
    `http://127.0.0\t.1:${port}/`,
    `http://127.0.0.1:${port}/\n`,
    ` http://127.0.0.1:${port}/`,
    `http://１27.0.0.1:${port}/`,
    `http://127。0。0。1:${port}/`,
    `http:/127.0.0.1:${port}/`,
    `http:127.0.0.1:${port}/`,
    `//127.0.0.1:${port}/`,
  ];
  for (const url of refused) {
    const { status } = await post(server, jobId, { job_status_webhook: url });
    t.true(status === 403 || status === 422, `${JSON.stringify(url)}: ${status}`);
  }
  t.is(webhook.received.length, 0);
  t.is((await post(server, jobId, { job_status_webhook: `${webhook.url}/a@b` })).status, 200);
});

test('status and text of a webhook response are returned, redirects too, and 401 and 403 become 500', async (t) => {
  const other = await startWebhook(t, ok);
  const webhook = await startWebhook(t, (response, { url }) => {
    const status = Number(url?.slice(1));
    response.writeHead(status, { location: other.url, 'set-cookie': 'a=b', 'x-own': '1' });
    response.end(status === 204 ? undefined : `said ${status}`);
  });
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const jobId = await submit(server, {});
  for (const status of [200, 201, 302, 307, 400, 404, 418, 429, 500, 503]) {
    const response = await post(server, jobId, { job_status_webhook: `${webhook.url}/${status}` });
    t.deepEqual(
      [...response.headers.keys()].filter((name) => /location|cookie|x-own/.test(name)),
      [],
    );
    t.deepEqual(await answerOf(response), [status, `said ${status}`]);
  }
  t.is((await post(server, jobId, { job_status_webhook: `${webhook.url}/204` })).status, 204);
  for (const status of [401, 403]) {
    const response = await post(server, jobId, { job_status_webhook: `${webhook.url}/${status}` });
    t.deepEqual(await answerOf(response), refusal(500, 'Webhook authentication failed'));
  }
  t.is(webhook.received.length, 13);
  t.is(other.received.length, 0);
});

test('only the beginning of a long webhook response is returned', async (t) => {
  const webhook = await startWebhook(t, (response) => {
    response.writeHead(200);
    const send = (): void => void response.write('x'.repeat(100_000), (error) => !error && send());
    send();
  });
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const response = await post(server, await submit(server, {}), { job_status_webhook: webhook.url });
  t.is(response.status, 200);
  t.is((await response.text()).length, 64 * 1024);
});

test('a webhook without a response, or with an incomplete one, causes 504 and is not retried', async (t) => {
  const webhook = await startWebhook(t, (response, { url }) => {
    if (url === '/begins') response.writeHead(200).write('begins');
  });
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const jobId = await submit(server, {});
  const paths = ['/silent', '/begins'];
  const answers = await Promise.all(
    paths.map((path) => post(server, jobId, { job_status_webhook: webhook.url + path })),
  );
  for (const answer of answers) t.deepEqual(await answerOf(answer), refusal(504, 'Webhook Timeout'));
  t.deepEqual(webhook.received.map(({ url }) => url).sort(), paths.sort());
});

test('a webhook that cannot be reached is retried once, then causes 502', async (t) => {
  let attempts = 0;
  const listener = createTcpServer((socket) => {
    attempts += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const server = await startServer(t, { settings: { WEBHOOK_URL: url } });
  const jobId = await submit(server, {});
  const unreachable = refusal(502, 'Webhook unreachable');
  t.deepEqual(await answerOf(await post(server, jobId, { job_status_webhook: url })), unreachable);
  t.is(attempts, 2);
  await new Promise((done) => listener.close(done));
  t.deepEqual(await answerOf(await post(server, jobId, { job_status_webhook: url })), unreachable);
});

test('the response to a retry is returned', async (t) => {
  let attempts = 0;
  const webhook = await startWebhook(t, (response, received) => {
    attempts += 1;
    if (attempts === 1) response.destroy();
    else ok(response, received);
  });
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const jobId = await submit(server, {});
  t.deepEqual(await answerOf(await post(server, jobId, { job_status_webhook: webhook.url })), [
    200,
    'thanks',
  ]);
});

test('the proxy of the settings is used, except for hosts in NO_PROXY', async (t) => {
  const proxy = await startWebhook(t, (response, { url }) => response.end(`by proxy to ${url}`));
  const webhook = await startWebhook(t, ok);
  const settings = { WEBHOOK_URL: 'http://hooks.example', HTTP_PROXY: proxy.url };
  const body = { job_status_webhook: 'http://hooks.example/a' };
  const proxied = await startServer(t, { settings });
  const jobId = await submit(proxied, {});
  t.deepEqual(await answerOf(await post(proxied, jobId, body)), [200, 'by proxy to http://hooks.example/a']);
  t.is(proxy.received[0]?.method, 'PUT');
  const direct = await startServer(t, {
    settings: { WEBHOOK_URL: webhook.url, HTTP_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.1' },
  });
  const directJob = await submit(direct, {});
  t.deepEqual(await answerOf(await post(direct, directJob, { job_status_webhook: webhook.url })), [
    200,
    'thanks',
  ]);
  t.is(proxy.received.length, 1);
});

test('a proxy that is set only in the environment of the process is not used', async (t) => {
  const webhook = await startWebhook(t, ok);
  const proxy = await startWebhook(t, (response) => response.end('by proxy'));
  const before = { ...process.env };
  t.teardown(() => {
    process.env = before;
  });
  process.env = { ...before, HTTP_PROXY: proxy.url, http_proxy: proxy.url };
  const server = await startServer(t, { settings: { WEBHOOK_URL: webhook.url } });
  const jobId = await submit(server, {});
  t.deepEqual(await answerOf(await post(server, jobId, { job_status_webhook: webhook.url })), [
    200,
    'thanks',
  ]);
  t.is(proxy.received.length, 0);
});
