import test from 'ava';
import { bearer } from '../../support/clients.js';
import { agentHeaders, submit } from '../../support/jobs.js';
import { shareServer } from '../../support/share-server.js';
import { invalid, noJob, refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';
import { upload } from '../../support/uploads.js';

/** Submits a job with these fields and a queue. */
const job = (fields: unknown) => (server: TestServer) =>
  send(server, 'POST', '/v1/job', { job_queue: 'q', ...(fields as object) });
const put = (path: string, body: unknown) => (server: TestServer) =>
  send(server, 'PUT', path, body, bearer(server, { client_id: 'ci', role: 'admin' }));
const postLog =
  (body: object, id = noJob) =>
  (server: TestServer) =>
    send(server, 'POST', `/v1/result/${id}/log/output`, body, agentHeaders(server));
const fragment = { fragment_number: 0, timestamp: '2020-01-01T00:00:00Z', phase: 'test', log_data: 'x' };
const postText = (body: string, type?: string) => (server: TestServer) =>
  server.request('/v1/job', {
    method: 'POST',
    body,
    headers: type === undefined ? {} : { 'content-type': type },
  });
const get = (path: string) => (server: TestServer) => server.request(path);
const missingQueue = invalid({ job_queue: ['Missing data for required field.'] });
const inputType = invalid({ _schema: ['Invalid input type.'] });
const phases = 'setup, provision, firmware_update, test, allocate, reserve, cleanup';

const reasons: SpecRow[] = [
  { says: 'Unknown field.', given: job({ x: 1 }), ...invalid({ x: ['Unknown field.'] }) },
  { says: 'Missing data for required field.', given: postText('{}', 'application/json'), ...missingQueue },
  {
    says: 'Shorter than minimum length N.',
    given: job({ job_queue: '' }),
    ...invalid({ job_queue: ['Shorter than minimum length 1.'] }),
  },
  ...[1.5, true, 'abc', 2 ** 53, -(2 ** 53)].map((job_priority) => ({
    says: `Not a valid integer. (${JSON.stringify(job_priority)})`,
    given: job({ job_priority }),
    ...invalid({ job_priority: ['Not a valid integer.'] }),
  })),
  {
    says: 'Not a valid string. (an object where a string is required)',
    given: job({ job_queue: { $ne: null } }),
    ...invalid({ job_queue: ['Not a valid string.'] }),
  },
  {
    says: 'Must be one of: a, b, c.',
    given: postLog({ ...fragment, phase: 'x' }),
    ...invalid({ phase: [`Must be one of: ${phases}.`] }),
  },
  {
    says: 'Must be greater than or equal to 0. (in the log query, whose 400 has the reasons as its message)',
    given: get(`/v1/result/${noJob}/log/output?start_fragment=-1`),
    ...refused(400, { start_fragment: ['Must be greater than or equal to 0.'] }),
  },
  {
    says: 'Must be greater than or equal to 1.',
    given: put('/v1/secrets/ci/a', { value: 'x', expire_after: 0 }),
    ...invalid({ expire_after: ['Must be greater than or equal to 1.'] }),
  },
  {
    says: 'nested fields nested, list positions as string keys',
    given: job({ test_data: { attachments: [{}] } }),
    ...invalid({ test_data: { attachments: { 0: { agent: ['Missing data for required field.'] } } } }),
  },
  {
    says: 'detail of a query is under "query"',
    given: get('/v1/job/search?match=x'),
    ...invalid({ match: ['Must be one of: any, all.'] }, 'query'),
  },
  {
    says: 'Field may not be null.',
    given: job({ name: null }),
    ...invalid({ name: ['Field may not be null.'] }),
  },
  {
    says: 'Not a valid boolean.',
    given: job({ debug: 'x' }),
    ...invalid({ debug: ['Not a valid boolean.'] }),
  },
  { says: 'Not a valid list.', given: job({ tags: 'x' }), ...invalid({ tags: ['Not a valid list.'] }) },
  {
    says: 'Not a valid mapping type.',
    given: job({ allocate_data: 5 }),
    ...invalid({ allocate_data: ['Not a valid mapping type.'] }),
  },
  {
    says: 'Not a valid URL.',
    given: (server) =>
      send(server, 'POST', `/v1/job/${noJob}/events`, { job_status_webhook: 'x' }, agentHeaders(server)),
    ...invalid({ job_status_webhook: ['Not a valid URL.'] }),
  },
  {
    says: 'Not a valid email address.',
    given: put('/v1/client-permissions/x', { email: 'x' }),
    ...invalid({ email: ['Not a valid email address.'] }),
  },
  {
    says: 'Not a valid datetime.',
    given: postLog({ ...fragment, timestamp: 'x' }),
    ...invalid({ timestamp: ['Not a valid datetime.'] }),
  },
  {
    says: 'String does not match expected pattern.',
    given: job({ reserve_data: { ssh_keys: ['x'] } }),
    ...invalid({ reserve_data: { ssh_keys: { 0: ['String does not match expected pattern.'] } } }),
  },
  {
    says: 'a value of a map is reported as {entry: {"value": [...]}}',
    given: put('/v1/client-permissions/x', { max_priority: { q: 'x' } }),
    ...invalid({ max_priority: { q: { value: ['Not a valid integer.'] } } }),
  },
  {
    says: 'a key of a map is reported as {entry: {"key": [...]}}',
    given: job({ test_data: { secrets: { '1': 'a' } } }),
    ...invalid({ test_data: { secrets: { 1: { key: ['String does not match expected pattern.'] } } } }),
  },
  {
    says: 'NUL in a key is 422',
    given: job({ allocate_data: { 'a\0': 1 } }),
    status: 422,
    body: {
      message: 'Validation error',
      detail: { json: { allocate_data: ['Keys must not contain NUL characters.'] } },
    },
  },
];

const bodies: SpecRow[] = [
  {
    says: 'a JSON body that does not parse: 400 Bad Request',
    given: postText('{', 'application/json'),
    ...refused(400, 'Bad Request'),
  },
  {
    says: 'no body is taken as {}',
    given: (server) => server.request('/v1/job', { method: 'POST' }),
    ...missingQueue,
  },
  {
    says: 'another content type is taken as {}',
    given: postText('{"job_queue":"q"}', 'text/plain'),
    ...missingQueue,
  },
  ...['[]', '"x"', 'null'].map((body) => ({
    says: `${body}: Invalid input type.`,
    given: postText(body, 'application/json'),
    ...inputType,
  })),
  {
    says: '422 for more than 100 levels of nesting',
    given: postText(
      `{"job_queue":"q","allocate_data":{"a":${'['.repeat(120)}${']'.repeat(120)}}}`,
      'application/json',
    ),
    status: 422,
    body: { message: 'Validation error', detail: { json: { _schema: [/./] } } },
  },
  {
    says: 'JSON bodies of DELETE are read',
    given: (server) =>
      send(server, 'DELETE', '/v1/restricted-queues/q', [], bearer(server, { role: 'admin' })),
    ...inputType,
  },
  {
    says: 'numeric strings and boolean words are accepted and stored converted',
    async given(server) {
      const id = await submit(server, { job_priority: '0', debug: 'yes', global_timeout: '5' });
      return server.request(`/v1/job/${id}`);
    },
    status: 200,
    body: {
      job_queue: 'q1',
      job_priority: 0,
      debug: true,
      global_timeout: 5,
      job_id: /./,
      exclude_agents: [],
    },
  },
];

const hex = noJob.replaceAll('-', '');
const badLine = text(400, 'Invalid job id\n');

const ids: SpecRow[] = [
  ...[hex.replace(/^0/, '1'), `{${noJob.replace(/^0/, '2')}}`, `urn:uuid:${noJob.replace(/^0/, '3')}`].map(
    (job_id) => ({
      says: `the job id ${job_id} is echoed as sent`,
      given: job({ job_id }),
      status: 200,
      body: { job_id },
    }),
  ),
  {
    says: 'any other id: 400 Invalid job_id specified',
    given: get('/v1/job/x'),
    ...refused(400, 'Invalid job_id specified'),
  },
  {
    says: 'Invalid job id (attachments)',
    given: (server) => server.request('/v1/job/x/attachments', upload(Buffer.from('x'))),
    ...badLine,
  },
  {
    says: 'Invalid job id (artifact)',
    given: (server) =>
      server.request('/v1/result/x/artifact', upload(Buffer.from('x'), agentHeaders(server))),
    ...badLine,
  },
  {
    says: 'Invalid job id (action)',
    given: (server) => send(server, 'POST', '/v1/job/x/action', { action: 'cancel' }),
    ...badLine,
  },
  {
    says: 'log GET with a bad id is JSON with a line end',
    given: get('/v1/result/x/log/output'),
    ...refused(400, 'Invalid job id\n'),
  },
  {
    says: 'the body is validated before the id',
    given: postLog({ ...fragment, log_data: 1 }, 'x'),
    ...invalid({ log_data: ['Not a valid string.'] }),
  },
];

testRows(test, shareServer(test), [...reasons, ...bodies, ...ids]);
