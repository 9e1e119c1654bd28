import { gzipSync } from 'node:zlib';
import test from 'ava';
import { agentHeaders, submit } from '../../support/jobs.js';
import { shareServer } from '../../support/share-server.js';
import { invalid, noJob, ok, refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';
import { upload } from '../../support/uploads.js';

const phases = ['setup', 'provision', 'firmware_update', 'test', 'allocate', 'reserve', 'cleanup'];
const fragment = { fragment_number: 0, timestamp: '2020-01-01T00:00:00Z', phase: 'test', log_data: 'x\n' };

/** Posts to a job as an agent. */
const post = (server: TestServer, id: string, body: unknown, path = '') =>
  send(server, 'POST', `/v1/result/${id}${path}`, body, agentHeaders(server));
const get = (path: string) => (server: TestServer) => server.request(`/v1/result/${path}`);
const badQuery = (query: string, reasons: object): SpecRow => ({
  says: `bad query ${query}: 400 whose message is an object`,
  given: get(`${noJob}/log/output?${query}`),
  ...refused(400, reasons),
});

const rows: SpecRow[] = [
  {
    says: 'POST result: OK',
    given: async (server) => post(server, await submit(server), { status: { setup: 0 }, job_state: 'setup' }),
    ...ok,
  },
  { says: 'POST result: OK for an unknown job too', given: (server) => post(server, noJob, {}), ...ok },
  {
    says: 'GET result: flat object',
    async given(server) {
      const id = await submit(server);
      await post(server, id, { status: { setup: 1 }, device_info: { 'a.b': 1 } });
      await post(server, id, { status: { test: 0 }, job_state: 'complete' });
      await post(server, id, fragment, '/log/output');
      await post(server, id, { ...fragment, log_data: 'y' }, '/log/serial');
      return server.request(`/v1/result/${id}`);
    },
    status: 200,
    body: {
      test_status: 0,
      test_output: 'x\n',
      test_serial: 'y',
      device_info: { 'a.b': 1 },
      job_state: 'complete',
    },
  },
  { says: 'GET result, unknown job: 204', given: get(noJob), status: 204 },
  {
    says: 'POST log: OK',
    given: async (server) => post(server, await submit(server), fragment, '/log/output'),
    ...ok,
  },
  {
    says: 'a fragment sent twice is stored once; last_fragment_number is -1 for an empty log',
    async given(server) {
      const id = await submit(server);
      for (const _ of [1, 2]) await post(server, id, fragment, '/log/output');
      return server.request(`/v1/result/${id}/log/output`);
    },
    status: 200,
    body: {
      output: {
        ...Object.fromEntries(phases.map((phase) => [phase, { last_fragment_number: -1, log_data: '' }])),
        test: { last_fragment_number: 0, log_data: 'x\n' },
      },
    },
  },
  {
    says: 'GET log of the phase named',
    given: get(`${noJob}/log/serial?phase=test`),
    status: 200,
    body: { serial: { test: { last_fragment_number: -1, log_data: '' } } },
  },
  badQuery('phase=x', { phase: [`Must be one of: ${phases.join(', ')}.`] }),
  badQuery('x=1', { x: ['Unknown field.'] }),
  badQuery('start_fragment=-1', { start_fragment: ['Must be greater than or equal to 0.'] }),
  {
    says: 'unknown log type: 404',
    given: get(`${noJob}/log/x`),
    ...text(404, `Not found: /v1/result/${noJob}/log/x`),
  },
  {
    says: 'POST log of a wrong field: 422',
    given: (server) => post(server, noJob, { ...fragment, phase: 'x' }, '/log/output'),
    ...invalid({ phase: [`Must be one of: ${phases.join(', ')}.`] }),
  },
  {
    says: 'POST artifact: OK',
    given: async (server) =>
      server.request(
        `/v1/result/${await submit(server)}/artifact`,
        upload(Buffer.from('x'), agentHeaders(server)),
      ),
    ...ok,
  },
  {
    says: 'POST artifact without the field file: 400 Bad Request',
    given: async (server) =>
      server.request(
        `/v1/result/${await submit(server)}/artifact`,
        upload(Buffer.from('x'), agentHeaders(server), 'other'),
      ),
    ...refused(400, 'Bad Request'),
  },
  { says: 'GET artifact, none: 204', given: get(`${noJob}/artifact`), status: 204 },
  {
    says: 'GET artifact sends the stored tar.gz with its three headers',
    async given(server) {
      const path = `/v1/result/${await submit(server)}/artifact`;
      await server.request(path, upload(gzipSync('inside'), agentHeaders(server)));
      return server.request(path);
    },
    status: 200,
    body: 'inside',
    headers: {
      'content-type': 'application/x-tar',
      'content-encoding': 'gzip',
      'content-disposition': 'inline; filename=artifact.tar.gz',
    },
  },
];

testRows(test, shareServer(test), rows);
