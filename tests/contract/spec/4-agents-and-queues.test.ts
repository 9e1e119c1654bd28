import test from 'ava';
import { bearer } from '../../support/clients.js';
import { agentHeaders, submit } from '../../support/jobs.js';
import { shareServer } from '../../support/share-server.js';
import { noJob, refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';

const statusOk = { status: 200, body: { status: 'OK' } };
const cookie = {
  'set-cookie': /^agent_name=cookie; HttpOnly; Path=\/; SameSite=Strict, agent_write=[^;]+; HttpOnly/,
};

/** Posts as the agent with that name. */
const post = (server: TestServer, path: string, body: unknown, name = 'a') =>
  send(server, 'POST', `/v1/agents/${path}`, body, agentHeaders(server, name));
const postData = (server: TestServer, name: string, body: object = {}) =>
  post(server, `data/${name}`, body, name);
const provision = (name: string, exit_code: number) => (server: TestServer) =>
  post(server, `provision_logs/${name}`, { job_id: noJob, exit_code, detail: 'x' }, name);

const rows: SpecRow[] = [
  {
    says: 'POST agents/data: {"status": "OK"} and the cookie',
    given: (server) => postData(server, 'cookie', { state: 'waiting', log: ['line'] }),
    ...statusOk,
    headers: cookie,
  },
  {
    says: 'GET one: without log, with updated_at, identifier and restricted_to; no field is ever null',
    async given(server) {
      await postData(server, 'shown', { state: 'offline', queues: ['mine'], identifier: 'i', log: ['x'] });
      await postData(server, 'shown', { comment: 'merged' });
      await server.deps.collections.restrictedQueues.insertOne({ queue_name: 'mine' });
      await server.deps.collections.clients.insertOne({ client_id: 'ci', allowed_queues: ['mine'] });
      return server.request('/v1/agents/data/shown');
    },
    status: 200,
    body: {
      name: 'shown',
      state: 'offline',
      queues: ['mine'],
      comment: 'merged',
      identifier: 'i',
      updated_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/,
      restricted_to: { mine: ['ci'] },
    },
  },
  {
    says: 'GET one: 404 {} if unknown',
    given: (server) => server.request('/v1/agents/data/nobody'),
    status: 404,
    body: {},
  },
  {
    says: 'POST /v1/agents/queues',
    given: (server) => post(server, 'queues', { described: 'what it is' }),
    ...text(200, 'OK'),
  },
  {
    says: 'POST /v1/agents/images',
    given: (server) => post(server, 'images', { pictured: { noble: 'url: x' } }),
    ...text(200, 'OK'),
  },
  {
    says: 'GET agents/images/{queue} after new images replaced the images of the queue',
    async given(server) {
      await post(server, 'images', { replaced: { old: 'url: x' } });
      await post(server, 'images', { replaced: { new: 'url: y' } });
      return server.request('/v1/agents/images/replaced');
    },
    status: 200,
    body: { new: 'url: y' },
  },
  {
    says: 'GET agents/images: {} if unknown',
    given: (server) => server.request('/v1/agents/images/nowhere'),
    status: 200,
    body: {},
  },
  {
    says: 'POST provision_logs, unknown agent: 404 Agent not found',
    given: provision('nobody', 0),
    ...text(404, 'Agent not found\n'),
  },
  {
    says: 'POST provision_logs of a known agent',
    async given(server) {
      await postData(server, 'provider');
      return provision('provider', 0)(server);
    },
    ...text(200, 'OK'),
  },
  {
    says: 'provision_streak_type pass|fail and provision_streak_count',
    async given(server) {
      await postData(server, 'streaky');
      for (const code of [0, 1, 2]) await provision('streaky', code)(server);
      return server.request('/v1/agents/data/streaky');
    },
    status: 200,
    body: {
      name: 'streaky',
      provision_streak_type: 'fail',
      provision_streak_count: 2,
      updated_at: /Z$/,
      restricted_to: {},
    },
  },
  {
    says: 'GET wait_times: linear interpolation between closest ranks',
    async given(server) {
      const waits = { name: 'waited', wait_times: [0, 10, 20, 30, 40], live: true as const };
      await server.deps.collections.queueWaitTimes.insertOne(waits);
      return server.request('/v1/queues/wait_times?queue=waited');
    },
    status: 200,
    body: { waited: { 5: 2, 10: 4, 50: 20, 90: 36, 95: 38 } },
  },
  {
    says: 'GET wait_times: {} for a queue without samples',
    given: (server) => server.request('/v1/queues/wait_times?queue=nowhere'),
    status: 200,
    body: {},
  },
  {
    says: 'GET queues/{q}/agents: name, state, queues, location, provision_type, job_id, comment of each',
    async given(server) {
      const data = { state: 's', queues: ['served'], location: 'l', provision_type: 'p' };
      await postData(server, 'server', { ...data, job_id: 'j', comment: 'c', identifier: 'not shown' });
      return server.request('/v1/queues/served/agents');
    },
    status: 200,
    body: [
      {
        name: 'server',
        state: 's',
        queues: ['served'],
        location: 'l',
        provision_type: 'p',
        job_id: 'j',
        comment: 'c',
      },
    ],
  },
  {
    says: "404 Queue 'Q' does not exist.",
    given: (server) => server.request('/v1/queues/nowhere/agents'),
    ...refused(404, "Queue 'nowhere' does not exist."),
  },
  {
    says: 'GET queues/{q}/jobs: [{job_id, created_at, job_state, job_queue}]',
    async given(server) {
      await submit(server, { job_queue: 'filled' });
      return server.request('/v1/queues/filled/jobs');
    },
    status: 200,
    body: [{ job_id: /./, created_at: /Z$/, job_state: 'waiting', job_queue: 'filled' }],
  },
  {
    says: 'GET queues/{q}/jobs: 204 when none',
    given: (server) => server.request('/v1/queues/nowhere/jobs'),
    status: 204,
  },
  {
    says: 'agents do not list agents: 403',
    given: (server) => server.request('/v1/agents/data', { headers: bearer(server, { role: 'agent' }) }),
    ...refused(403, 'Specified action requires role: admin, manager, contributor'),
  },
];

testRows(test, shareServer(test), rows);

testRows(test, shareServer(test, { settings: { AGENT_BINDING: 'enforce' } }), [
  {
    says: 'with AGENT_BINDING=enforce the name of another client is refused: 403',
    async given(server) {
      await postData(server, 'bound');
      return post(server, 'data/bound', {}, 'other');
    },
    ...refused(403, 'The agent name belongs to another client'),
  },
]);
