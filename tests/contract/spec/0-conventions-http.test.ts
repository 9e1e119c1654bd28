import test from 'ava';
import { bearer, jsonBody } from '../../support/clients.js';
import { submit } from '../../support/jobs.js';
import { rawRequest } from '../../support/raw-request.js';
import { shareServer } from '../../support/share-server.js';
import { noJob, refused, type SpecRow, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';

const get = (path: string) => (server: TestServer) => server.request(path);

/** Sends a request with a content length and no body. */
const announce =
  (line: string, mib: number, type = 'application/json') =>
  (server: TestServer) =>
    rawRequest(server, [
      line,
      'Host: x',
      `Authorization: ${bearer(server, { role: line.includes('result') ? 'agent' : 'admin' }).authorization}`,
      `Content-Type: ${type}`,
      `Content-Length: ${mib * 2 ** 20 + 1}`,
    ]);
const tooLarge = refused(413, 'Payload too large');

const paths: SpecRow[] = [
  ...['/v1', '/v1/'].map((path) => ({
    says: `GET ${path}: 200 text that starts Testflinger Server`,
    given: get(path),
    status: 200,
    body: /^Testflinger Server/,
    headers: { 'content-type': /^text\/plain/ },
  })),
  { says: 'unknown path: 404, text Not found: ...', given: get('/v1/x'), ...text(404, 'Not found: /v1/x') },
  {
    says: 'wrong method: 405 Method Not Allowed with Allow',
    given: (server) => server.request('/v1/job', { method: 'PATCH' }),
    ...refused(405, 'Method Not Allowed'),
    headers: { allow: 'GET, POST' },
  },
  {
    says: 'HEAD on GET /v1/job: 405',
    given: (server) => server.request('/v1/job', { method: 'HEAD' }),
    status: 405,
  },
  { says: 'POST job is under 16 MiB', given: announce('POST /v1/job HTTP/1.1', 16), ...tooLarge },
  {
    says: 'POST result is under 16 MiB',
    given: announce(`POST /v1/result/${noJob} HTTP/1.1`, 16),
    ...tooLarge,
  },
  {
    says: 'log fragments under 16 MiB',
    given: announce(`POST /v1/result/${noJob}/log/serial HTTP/1.1`, 16),
    ...tooLarge,
  },
  { says: 'other JSON 1 MiB', given: announce('POST /v1/agents/data/a HTTP/1.1', 1), ...tooLarge },
  {
    says: 'multipart MAX_UPLOAD_MIB (10240)',
    given: announce(`POST /v1/result/${noJob}/artifact HTTP/1.1`, 10_241, 'multipart/form-data; boundary=x'),
    ...tooLarge,
  },
  {
    says: 'dates go out as ISO 8601 UTC with Z, without a fraction when it is zero',
    async given(server) {
      const id = await submit(server, { tags: ['dated'] });
      const created_at = new Date('2020-01-01T00:00:00Z');
      await server.deps.collections.jobs.updateOne({ job_id: id }, { $set: { created_at } });
      return server.request('/v1/job/search?tags=dated');
    },
    status: 200,
    body: [{ job_id: /./, created_at: '2020-01-01T00:00:00Z', job_state: 'waiting' }],
  },
  {
    says: 'dates that have a fraction go out with three digits',
    async given(server) {
      const id = await submit(server, { tags: ['fraction'] });
      const created_at = new Date('2020-01-01T00:00:00.120Z');
      await server.deps.collections.jobs.updateOne({ job_id: id }, { $set: { created_at } });
      return server.request('/v1/job/search?tags=fraction');
    },
    status: 200,
    body: [{ job_id: /./, created_at: '2020-01-01T00:00:00.120Z', job_state: 'waiting' }],
  },
];

/** Posts the data of an agent. */
const postData = (server: TestServer, data: object) =>
  server.request('/v1/agents/data/told', jsonBody(data, bearer(server, { role: 'agent' })));

testRows(test, shareServer(test), paths);
// tests/process/outage.test.ts tests 503 with a MongoDB that is really down.
const failures: SpecRow[] = [
  {
    says: '413 for a document over 16 MiB',
    async given(server) {
      const line = 'x'.repeat(1_000_000);
      let answer = await postData(server, { log: [line] });
      for (let sent = 1; sent < 18 && answer.status === 200; sent += 1)
        answer = await postData(server, { log: [line] });
      return answer;
    },
    ...tooLarge,
  },
  {
    says: '500 for any other error of the database',
    async given(server) {
      const { db } = server.deps.connection;
      await db.command({ collMod: 'agents', validator: { state: { $ne: 'refused by MongoDB' } } });
      return postData(server, { state: 'refused by MongoDB' });
    },
    ...refused(500, 'Internal Server Error'),
  },
];
testRows(test, shareServer(test), failures);
