import test from 'ava';
import { addClient, bearer } from '../../support/clients.js';
import { readCsfleVectors } from '../../support/csfle-vectors.js';
import { agentHeaders, submit } from '../../support/jobs.js';
import { shareServer } from '../../support/share-server.js';
import { invalid, refused, type SpecRow, send, testRows } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const accepted = { status: 200, body: { job_id: uuid } };

/** Submits a job as a client with these permissions, or anonymously. */
const push =
  (job: object, permissions?: object) =>
  (server: TestServer): Promise<Response> =>
    send(server, 'POST', '/v1/job', { job_queue: 'q', ...job }, permissions && bearer(server, permissions));

/** Restricts a queue, and pushes to it. */
const pushRestricted = (permissions?: object) => async (server: TestServer) => {
  await server.deps.collections.restrictedQueues.updateOne(
    { queue_name: 'locked' },
    { $set: { queue_name: 'locked' } },
    { upsert: true },
  );
  return push({ job_queue: 'locked' }, permissions)(server);
};

const reserve = (timeout: unknown) => ({ reserve_data: { timeout } });
const duration = (shown: string) =>
  invalid({ reserve_data: { timeout: [`Invalid duration format: ${shown}`] } });
const secrets = { test_data: { secrets: { A: 'a' } } };

const submissions: SpecRow[] = [
  { says: 'POST /v1/job to {"job_id"}', given: push({}), ...accepted },
  ...[90, '90', '30m', '1h30m', '2h 5 Mins'].map((timeout) => ({
    says: `reserve_data.timeout takes ${JSON.stringify(timeout)}`,
    given: push(reserve(timeout)),
    ...accepted,
  })),
  ...(
    [
      ['x', 'x'],
      [-1, '-1'],
      [null, 'null'],
      [true, 'true'],
    ] as const
  ).map(([timeout, shown]) => ({
    says: `Invalid duration format: ${shown}`,
    given: push(reserve(timeout)),
    ...duration(shown),
  })),
  {
    says: 'no variant fits: Invalid provision data schema.',
    given: push({ provision_data: { unheard: 1 } }),
    ...invalid({ provision_data: { _schema: ['Invalid provision data schema.'] } }),
  },
  { says: 'provision_data is null', given: push({ provision_data: null }), ...accepted },
  {
    says: '1. every agent of the queue is excluded: 422',
    given: push({ exclude_agents: ['a'] }),
    ...refused(422, 'There are no agents on the specified queue that are allowed to run this job'),
  },
  { says: '2. secrets, no secrets store: 422', given: push(secrets), ...refused(422, 'No secrets store') },
  {
    says: '2. an empty map of secrets too',
    given: push({ test_data: { secrets: {} } }),
    ...refused(422, 'No secrets store'),
  },
  {
    says: '3. a given job_id that is no UUID: 400',
    given: push({ job_id: 'x' }),
    ...refused(400, 'Invalid job_id specified'),
  },
  { says: '3. a job_id of "" means none', given: push({ job_id: '' }), ...accepted },
  {
    says: '3. only the client that submitted it may restart an id: 403',
    given: async (server) => push({ job_id: await submit(server) }, { client_id: 'other' })(server),
    ...refused(403, 'Not enough permissions to resubmit job ID'),
  },
  {
    says: '3. a manager may restart an id',
    given: async (server) =>
      push({ job_id: await submit(server) }, { client_id: 'm', role: 'manager' })(server),
    ...accepted,
  },
  {
    says: '4. Authentication required for setting priority: N',
    given: push({ job_priority: 7 }),
    ...refused(401, 'Authentication required for setting priority: 7'),
  },
  {
    says: '4. a negative priority too',
    given: push({ job_priority: -1 }),
    ...refused(401, 'Authentication required for setting priority: -1'),
  },
  {
    says: '4. Not enough permissions to push to QUEUE with priority N',
    given: push({ job_priority: 7 }, { max_priority: { '*': 5, q: 6 } }),
    ...refused(403, 'Not enough permissions to push to q with priority 7'),
  },
  {
    says: '4. the greater of max_priority["*"] and that of the queue counts',
    given: push({ job_priority: 6 }, { max_priority: { '*': 5, q: 6 } }),
    ...accepted,
  },
  {
    says: '5. Authentication required to push to restricted queue: Q',
    given: pushRestricted(),
    ...refused(401, 'Authentication required to push to restricted queue: locked'),
  },
  {
    says: '5. Not enough permissions to push to the restricted queue: Q',
    given: pushRestricted({ allowed_queues: ['q'] }),
    ...refused(403, 'Not enough permissions to push to the restricted queue: locked'),
  },
  {
    says: '5. a queue in allowed_queues',
    given: pushRestricted({ allowed_queues: ['locked'] }),
    ...accepted,
  },
  {
    says: '6. Authentication required for setting timeout: N',
    given: push(reserve('7h')),
    ...refused(401, 'Authentication required for setting timeout: 25200'),
  },
  {
    says: '6. Not enough permissions to push to QUEUE with reservation timeout N',
    given: push(reserve('7h'), { max_reservation_time: { '*': 25_199 } }),
    ...refused(403, 'Not enough permissions to push to q with reservation timeout 25200'),
  },
  { says: '6. a reservation of 6 hours needs no permission', given: push(reserve('6h')), ...accepted },
];

/** Takes the next job of a queue. */
const take = (server: TestServer, queue: string) =>
  server.request(`/v1/job?queue=${queue}`, { headers: agentHeaders(server) });

const claims: SpecRow[] = [
  {
    says: 'GET /v1/job: the role comes first',
    given: (server) => server.request('/v1/job'),
    ...refused(403, 'Specified action requires role: agent'),
  },
  {
    says: 'no queue: 400 No queue(s) specified in request',
    given: (server) => server.request('/v1/job', { headers: bearer(server, { role: 'agent' }) }),
    ...refused(400, 'No queue(s) specified in request'),
  },
  {
    says: 'no cookie: 401 Agent not identified',
    given: (server) => server.request('/v1/job?queue=q', { headers: bearer(server, { role: 'agent' }) }),
    ...refused(401, 'Agent not identified'),
  },
  { says: 'no job: 204', given: (server) => take(server, 'empty'), status: 204 },
  {
    says: '200: the data of the job plus job_id, started_at and exclude_agents',
    async given(server) {
      const queue = 'claimed';
      await submit(server, { job_queue: queue, name: 'n' });
      return take(server, queue);
    },
    status: 200,
    body: { job_queue: 'claimed', name: 'n', job_id: uuid, started_at: /Z$/, exclude_agents: [] },
  },
  {
    says: 'no agent gets a job before its attachments have arrived',
    async given(server) {
      await submit(server, { job_queue: 'awaits', test_data: { attachments: [] } });
      return take(server, 'awaits');
    },
    status: 204,
  },
];

const withStore: SpecRow[] = [
  {
    says: '2. secrets, no client id: 422 Missing client ID (user not authenticated)',
    given: push(secrets),
    ...refused(422, 'Missing client ID (user not authenticated)'),
  },
  {
    says: '2. paths that are not readable: 422 Inaccessible secret paths: a, b (sorted)',
    given: push({ test_data: { secrets: { B: 'b', A: 'a' } } }, { client_id: 'ci' }),
    ...refused(422, 'Inaccessible secret paths: a, b'),
  },
  {
    says: 'a claimed job has its secrets resolved and the stored client_id',
    async given(server) {
      await addClient(server, { client_id: 'ci' });
      const own = bearer(server, { client_id: 'ci' });
      await send(server, 'PUT', '/v1/secrets/ci/kept', { value: 'the value' }, own);
      await submit(server, { job_queue: 'secret', test_data: { secrets: { A: 'kept' } } }, own);
      return take(server, 'secret');
    },
    status: 200,
    body: {
      job_queue: 'secret',
      test_data: { secrets: { A: 'the value' } },
      job_id: uuid,
      started_at: /Z$/,
      exclude_agents: [],
      client_id: 'ci',
    },
  },
];

testRows(test, shareServer(test), [...submissions, ...claims]);
const { masterKeyText } = readCsfleVectors();
testRows(test, shareServer(test, { settings: { TESTFLINGER_SECRETS_MASTER_KEY: masterKeyText } }), withStore);
