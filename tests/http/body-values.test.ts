import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { createFormCounter, createJsonCounter } from '../../server/http/count-values.js';
import { hasMoreValuesThan } from '../../server/schema/body-size.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { listCommands } from '../support/logins.js';
import { startServer } from '../support/start-server.js';
import { makeBytes, upload } from '../support/uploads.js';

const resultPath = '/v1/result/0b5b2f4e-0d1c-4f6e-9f0a-6d6f0a1b2c3d';

/** A result with `count` values in its JSON text. */
const resultOf = (count: number) => ({
  device_info: Object.fromEntries(Array.from({ length: count - 2 }, (_, n) => [`k${n}`, n])),
});

test('a body with 50,000 values is read, and one with 50,001 is refused', async (t) => {
  const server = await startServer(t);
  const agent = agentHeaders(server);
  t.false(hasMoreValuesThan(resultOf(50_000), 50_000));
  t.true(hasMoreValuesThan(resultOf(50_001), 50_000));
  t.is((await server.request(resultPath, jsonBody(resultOf(50_000), agent))).status, 200);
  const refused = await server.request(resultPath, jsonBody(resultOf(50_001), agent));
  t.is(refused.status, 422);
  t.deepEqual(await refused.json(), {
    message: 'Validation error',
    detail: { json: { _schema: ['More than 50000 values.'] } },
  });
});

test('a body is refused at its first value too many, before the rest arrives', async (t) => {
  const server = await startServer(t, { settings: { MAX_BODY_VALUES: '2000' } });
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  t.teardown(() => socket.destroy());
  socket.write(
    `POST /v1/job HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n[${'0,'.repeat(2001)}`,
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.regex(answer.toString(), /^HTTP\/1\.1 422 [^]*"More than 2000 values\."/);
});

test('a form with too many fields is refused', async (t) => {
  const server = await startServer(t, { settings: { MAX_BODY_VALUES: '2000' } });
  const body = new URLSearchParams(
    Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [`field${n}`, 'x'])),
  );
  const response = await server.request('/v1/oauth2/token', { method: 'POST', body });
  t.is(response.status, 400);
  t.deepEqual(await response.json(), { error: 'invalid_request' });
});

test('values are counted the same however the text is cut', (t) => {
  const count = (value: unknown): number =>
    1 +
    (typeof value === 'object' && value !== null
      ? Object.values(value).reduce((sum: number, inner) => sum + count(inner), 0)
      : 0);
  for (const text of [
    '5',
    '[]',
    ' { } ',
    '[[],{},[ ],{"a":[]}]',
    '{"a":1,"b":[1,2,{"c":null}],"d":"x"}',
    String.raw`{"a,b":"c,[{\"d\\","\\\"":"\\\\","e":["]","}","\""]}`,
    '"text, with [commas], and {braces}"',
    '[\n1 ,\t2 , "ü,ü" ]',
  ]) {
    const bytes = Buffer.from(text);
    const expected = count(JSON.parse(text));
    for (let size = 1; size <= bytes.length; size += 1) {
      const counter = createJsonCounter();
      let counted = 0;
      for (let at = 0; at < bytes.length; at += size) counted = counter(bytes.subarray(at, at + size));
      t.is(counted, expected, `${text} in pieces of ${size}`);
    }
  }
  const counter = createFormCounter();
  counter(Buffer.from('a=1&b'));
  t.is(counter(Buffer.from('=2&c&d')), 4);
});

test('requests read only those fields of a job that they need', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'enforce' } });
  const agent = agentHeaders(server);
  const owner = bearer(server, { client_id: 'somebody' });
  const jobId = await submit(server, { job_queue: 'other', provision_data: { attachments: [] } }, owner);
  const cancel = jsonBody({ action: 'cancel' }, owner);
  const commands = await listCommands(server, 'jobs', async () => {
    for (const [path, init] of [
      [`/v1/job/${jobId}`, { headers: owner }],
      [`/v1/job/${jobId}/position`, { headers: owner }],
      [`/v1/job/${jobId}/attachments`, upload(makeBytes(10), owner)],
      [`/v1/job/${jobId}/attachments`, { headers: agent }],
      ['/v1/job', jsonBody({ job_queue: 'other', job_id: jobId }, { ...owner, 'idempotency-key': 'once' })],
      ['/v1/job', jsonBody({ job_queue: 'other', job_id: jobId }, { ...owner, 'idempotency-key': 'once' })],
      [`/v1/result/${jobId}`, { headers: owner }],
      [`/v1/result/${jobId}`, jsonBody({ job_state: 'test' }, agent)],
      [`/v1/result/${jobId}/log/output`, { headers: owner }],
      [`/v1/result/${jobId}/artifact`, { headers: owner }],
      [`/v1/job/${jobId}/action`, cancel],
    ] as [string, RequestInit][]) {
      const { status } = await server.request(path, init);
      t.true(status < 300, `${path}: ${status}`);
    }
  });
  const finds = commands.map(({ command }) => command).filter(({ find }) => find === 'jobs');
  t.true(finds.length >= 8, `${finds.length}`);
  for (const find of finds) t.truthy(find.projection, JSON.stringify(find.filter));
});
