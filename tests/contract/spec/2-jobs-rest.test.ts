import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { bearer } from '../../support/clients.js';
import { agentHeaders, submit } from '../../support/jobs.js';
import { shareServer } from '../../support/share-server.js';
import { invalid, noJob, ok, refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';
import { upload } from '../../support/uploads.js';

const awaiting = { job_queue: 'awaiting', test_data: { attachments: [{ agent: 'a' }] } };
const get = (path: string) => (server: TestServer) => server.request(`/v1/job/${path}`);
const attach = (server: TestServer, id: string, field = 'file') =>
  server.request(`/v1/job/${id}/attachments`, upload(Buffer.from('bytes'), {}, field));
const act = (server: TestServer, id: string, action = 'cancel') =>
  send(server, 'POST', `/v1/job/${id}/action`, { action });
const ended = text(400, 'The job is already completed or cancelled');
const gone = text(410, 'Job not found or already started\n');

const rows: SpecRow[] = [
  {
    says: 'GET /v1/job/{id}: the data of the job plus job_id and exclude_agents',
    given: async (server) => server.request(`/v1/job/${await submit(server, awaiting)}`),
    status: 200,
    body: { ...awaiting, job_id: /./, exclude_agents: [] },
  },
  { says: 'GET /v1/job/{id}, unknown: 204', given: get(noJob), status: 204 },
  {
    says: 'POST attachments: OK',
    given: async (server) => attach(server, await submit(server, awaiting)),
    ...ok,
  },
  {
    says: 'multipart field file missing: 400 Bad Request',
    given: async (server) => attach(server, await submit(server, awaiting), 'other'),
    ...refused(400, 'Bad Request'),
  },
  {
    says: 'unknown job: 422 text Job ID is not valid',
    given: (server) => attach(server, noJob),
    ...text(422, 'Job ID is not valid\n'),
  },
  {
    says: 'job that names no attachments: 422 text Job ID not awaiting attachments',
    given: async (server) => attach(server, await submit(server)),
    ...text(422, 'Job ID not awaiting attachments\n'),
  },
  {
    says: 'attachments already there: 200 OK (a retry)',
    async given(server) {
      const id = await submit(server, awaiting);
      await attach(server, id);
      return attach(server, id);
    },
    ...ok,
  },
  {
    says: 'GET attachments: the same bytes, application/gzip, never a Content-Encoding',
    async given(server) {
      const id = await submit(server, awaiting);
      await attach(server, id);
      return server.request(`/v1/job/${id}/attachments`, { headers: agentHeaders(server) });
    },
    status: 200,
    body: 'bytes',
    headers: { 'content-type': 'application/gzip', 'content-encoding': null },
  },
  {
    says: 'GET attachments, none: 204',
    given: (server) => server.request(`/v1/job/${noJob}/attachments`, { headers: agentHeaders(server) }),
    status: 204,
  },
  {
    says: 'search: list of {job_id, created_at, job_state}; unknown query fields are ignored',
    async given(server) {
      await submit(server, { tags: ['searched'] });
      return server.request('/v1/job/search?tags=searched&match=all&state=active&x=1');
    },
    status: 200,
    body: [{ job_id: /./, created_at: /Z$/, job_state: 'waiting' }],
  },
  {
    says: 'search, unknown match: 422',
    given: get('search?match=x'),
    ...invalid({ match: ['Must be one of: any, all.'] }, 'query'),
  },
  {
    says: 'position: text, the number of jobs before it',
    async given(server) {
      await submit(server, { job_queue: 'line' });
      return server.request(`/v1/job/${await submit(server, { job_queue: 'line' })}/position`);
    },
    ...text(200, '1'),
  },
  { says: 'position, unknown: 410', given: get(`${noJob}/position`), ...gone },
  {
    says: 'position, started: 410',
    async given(server) {
      const id = await submit(server, { job_queue: 'started' });
      await server.request('/v1/job?queue=started', { headers: agentHeaders(server) });
      return server.request(`/v1/job/${id}/position`);
    },
    ...gone,
  },
  { says: 'cancel: OK', given: async (server) => act(server, await submit(server)), ...ok },
  {
    says: 'already cancelled: 400',
    async given(server) {
      const id = await submit(server);
      await act(server, id);
      return act(server, id);
    },
    ...ended,
  },
  { says: 'cancel of an unknown job: 400', given: (server) => act(server, noJob), ...ended },
  {
    says: 'other actions: 422',
    given: (server) => act(server, noJob, 'x'),
    ...invalid({ action: ['Must be one of: cancel.'] }),
  },
];

/** A webhook that returns the status in its path. `/silent` never responds, and `/cut` closes the connection. */
const webhook = createServer((request, response) => {
  if (request.url === '/cut') request.socket.destroy();
  else if (request.url !== '/silent') response.writeHead(Number(request.url?.slice(1))).end('told');
});
await new Promise<void>((done) => webhook.listen(0, '127.0.0.1', done));
test.after.always(() => {
  webhook.closeAllConnections();
  webhook.close();
});
const url = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}`;
const postEvents =
  (path: string, base = url) =>
  async (server: TestServer) =>
    send(
      server,
      'POST',
      `/v1/job/${await submit(server)}/events`,
      { job_status_webhook: base + path },
      agentHeaders(server),
    );

testRows(test, shareServer(test), [
  ...rows,
  {
    says: 'events, unknown job: 404 Job not found',
    given: (server) =>
      send(server, 'POST', `/v1/job/${noJob}/events`, { job_status_webhook: url }, agentHeaders(server)),
    ...refused(404, 'Job not found'),
  },
  { says: 'no WEBHOOK_URL: 500', given: postEvents('/200'), ...refused(500, 'Webhook URL not configured') },
]);

testRows(test, shareServer(test, { settings: { WEBHOOK_URL: url } }), [
  {
    says: 'another host: 403 Invalid job_status_webhook URL specified',
    given: postEvents('/', 'http://elsewhere.example'),
    ...refused(403, 'Invalid job_status_webhook URL specified'),
  },
  { says: 'webhook timeout: 504', given: postEvents('/silent'), ...refused(504, 'Webhook Timeout') },
  { says: 'unreachable: 502', given: postEvents('/cut'), ...refused(502, 'Webhook unreachable') },
  ...[401, 403].map((status) => ({
    says: `webhook answers ${status}: 500`,
    given: postEvents(`/${status}`),
    ...refused(500, 'Webhook authentication failed'),
  })),
  ...[200, 302, 418].map((status) => ({
    says: `the status ${status} and its text pass through`,
    given: postEvents(`/${status}`),
    ...text(status, 'told'),
  })),
]);

const owned = (server: TestServer, job = {}) => submit(server, job, bearer(server, { client_id: 'owner' }));

testRows(test, shareServer(test), [
  {
    says: 'another client does not cancel: 403',
    given: async (server) =>
      send(server, 'POST', `/v1/job/${await owned(server)}/action`, { action: 'cancel' }, bearer(server)),
    ...refused(403, 'Not enough permissions on job ID'),
  },
  {
    says: 'another client does not send attachments: 403',
    given: async (server) => attach(server, await owned(server, awaiting)),
    ...refused(403, 'Not enough permissions on job ID'),
  },
]);

testRows(test, shareServer(test, { settings: { JOB_OWNERSHIP: 'record' } }), [
  {
    says: 'with JOB_OWNERSHIP=record a request without credentials cancels: OK',
    given: async (server) => act(server, await owned(server)),
    ...ok,
  },
  {
    says: 'with JOB_OWNERSHIP=record another client does not cancel: 403',
    given: async (server) =>
      send(server, 'POST', `/v1/job/${await owned(server)}/action`, { action: 'cancel' }, bearer(server)),
    ...refused(403, 'Not enough permissions on job ID'),
  },
]);
