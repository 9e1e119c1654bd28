import test from 'ava';
import { addClient, bearer } from '../../support/clients.js';
import { readCsfleVectors } from '../../support/csfle-vectors.js';
import { shareServer } from '../../support/share-server.js';
import { invalid, ok, refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';

const client_secret = 'a client secret of good length';
const clients = '/v1/client-permissions';
const record = { role: 'contributor', max_priority: {}, max_reservation_time: {}, allowed_queues: [] };
const unknown = refused(404, 'Error: Specified client_id does not exist.');

/** Sends a request as the client `boss`, by default an admin. */
const call =
  (method: string, path: string, body?: unknown, role = 'admin') =>
  (server: TestServer): Promise<Response> => {
    const headers = bearer(server, { client_id: 'boss', role });
    return body === undefined
      ? server.request(path, { method, headers })
      : send(server, method, path, body, headers);
  };
/** Does the same with an existing client. */
const callOn =
  (client_id: string, method: string, body?: unknown, role?: string, fields: object = {}) =>
  async (server: TestServer): Promise<Response> => {
    await addClient(server, { client_id, ...fields });
    return call(method, `${clients}/${client_id}`, body, role)(server);
  };

const permissions: SpecRow[] = [
  {
    says: 'GET /v1/client-permissions/{id}: without the hash',
    given: callOn('shown', 'GET', undefined, 'manager', { client_secret_hash: 'h' }),
    status: 200,
    body: { client_id: 'shown', ...record },
  },
  {
    says: 'GET: 404 Error: Specified client_id does not exist.',
    given: call('GET', `${clients}/nobody`),
    ...unknown,
  },
  {
    says: "200, text Created permissions for client 'X'",
    given: call('PUT', `${clients}/new`, { client_secret }),
    ...text(200, "Created permissions for client 'new'"),
  },
  {
    says: "200, text Updated permissions for client 'X'",
    given: callOn('old', 'PUT', { max_priority: { q: 1 } }),
    ...text(200, "Updated permissions for client 'old'"),
  },
  {
    says: 'client_secret of 15 characters or more',
    given: call('PUT', `${clients}/short`, { client_secret: 'x'.repeat(14) }),
    ...invalid({ client_secret: ['Shorter than minimum length 15.'] }),
  },
  {
    says: 'allowed_queues is an unknown field',
    given: call('PUT', `${clients}/field`, { client_secret, allowed_queues: [] }),
    ...invalid({ allowed_queues: ['Unknown field.'] }),
  },
  {
    says: '400 Error: Missing client_secret in request body for new client',
    given: call('PUT', `${clients}/bare`, {}),
    ...refused(400, 'Error: Missing client_secret in request body for new client'),
  },
  {
    says: 'more than 72 bytes: 422',
    given: call('PUT', `${clients}/long`, { client_secret: 'x'.repeat(73) }),
    ...invalid({ client_secret: ['Must be at most 72 bytes long and without NUL.'] }),
  },
  {
    says: '422 Error: System admin client cannot by modified from API.',
    given: call('PUT', `${clients}/testflinger-admin`, { client_secret }),
    ...refused(422, 'Error: System admin client cannot by modified from API.'),
  },
  {
    says: '422 Error: System admin client cannot by deleted from API.',
    given: call('DELETE', `${clients}/testflinger-admin`),
    ...refused(422, 'Error: System admin client cannot by deleted from API.'),
  },
  {
    says: "403 A has insufficient permissions to modify client 'B'",
    given: callOn('higher', 'PUT', {}, 'manager', { role: 'admin' }),
    ...refused(403, "boss has insufficient permissions to modify client 'higher'"),
  },
  {
    says: "403 A has insufficient permissions to assign role 'R' to client 'B'",
    given: callOn('lower', 'PUT', { role: 'admin' }, 'manager'),
    ...refused(403, "boss has insufficient permissions to assign role 'admin' to client 'lower'"),
  },
  ...[{ client_secret }, { email: 'a@example.com' }].map((body, i) => ({
    says: `OIDC clients take no ${Object.keys(body).join()}: 422`,
    given: callOn(`signed-in-${i}`, 'PUT', body, 'admin', { sub: `sub-${i}` }),
    ...refused(422, 'Error: Cannot add email or client secret to OIDC client id'),
  })),
  {
    says: 'new ids match a pattern: 422',
    given: call('PUT', `${clients}/a:b`, { client_secret }),
    ...invalid({ client_id: [/./] }),
  },
  {
    says: 'a new client cannot share its secrets namespace with another client: 422',
    async given(server) {
      await addClient(server, { client_id: 'a.b' });
      return call('PUT', `${clients}/a_dot_b`, { client_secret })(server);
    },
    ...invalid({ client_id: [/./] }),
  },
  { says: 'DELETE (admin): OK', given: callOn('gone', 'DELETE'), ...ok },
  { says: 'DELETE of an unknown client: 404', given: call('DELETE', `${clients}/nobody`), ...unknown },
  {
    says: 'DELETE is for admins',
    given: call('DELETE', `${clients}/nobody`, undefined, 'manager'),
    ...refused(403, 'Specified action requires role: admin'),
  },
];

const locked = '/v1/restricted-queues';
/** Adds a queue that an agent serves, with these owners. */
const onQueue =
  (queue: string, owners: string[], method: string, body?: unknown) =>
  async (server: TestServer): Promise<Response> => {
    const { agents, restrictedQueues } = server.deps.collections;
    await agents.insertOne({ name: `agent of ${queue}`, queues: [queue] });
    await addClient(server, { client_id: `${queue}-new` });
    for (const owner of owners) await addClient(server, { client_id: owner, allowed_queues: [queue] });
    if (owners.length > 0) await restrictedQueues.insertOne({ queue_name: queue });
    return call(method, `${locked}/${queue}`, body)(server);
  };

const restricted: SpecRow[] = [
  {
    says: 'restricted queues: GET one: {queue, owners}',
    given: onQueue('q1', ['o1'], 'GET'),
    status: 200,
    body: { queue: 'q1', owners: ['o1'] },
  },
  {
    says: '404 Error: Restricted queue not found.',
    given: call('GET', `${locked}/none`),
    ...refused(404, 'Error: Restricted queue not found.'),
  },
  { says: 'POST {client_id} adds', given: onQueue('q2', [], 'POST', { client_id: 'q2-new' }), ...ok },
  {
    says: '400 Error: Missing client ID.',
    given: onQueue('q3', [], 'POST', {}),
    ...refused(400, 'Error: Missing client ID.'),
  },
  { says: '404 unknown client', given: onQueue('q4', [], 'POST', { client_id: 'nobody' }), ...unknown },
  {
    says: '404 Error: No agent is associated with the specified queue.',
    async given(server) {
      await addClient(server, { client_id: 'agentless' });
      return call('POST', `${locked}/agentless`, { client_id: 'agentless' })(server);
    },
    ...refused(404, 'Error: No agent is associated with the specified queue.'),
  },
  {
    says: 'DELETE {client_id} removes that owner',
    given: onQueue('q5', ['o5', 'p5'], 'DELETE', { client_id: 'o5' }),
    ...ok,
  },
  {
    says: 'the restriction ends only when its last owner is removed',
    async given(server) {
      await onQueue('q6', ['o6', 'p6'], 'DELETE', { client_id: 'o6' })(server);
      return call('GET', `${locked}/q6`)(server);
    },
    status: 200,
    body: { queue: 'q6', owners: ['p6'] },
  },
];

/** PUTs a secret of `boss`. */
const put = (body: object, path = 'boss/a') => call('PUT', `/v1/secrets/${path}`, body);
const expiry = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;
const badPath = invalid({ path: ['String does not match expected pattern.'] });

const withStore: SpecRow[] = [
  {
    says: 'PUT secrets {value} to {expires_at}',
    given: put({ value: 'x' }),
    status: 200,
    body: { expires_at: expiry },
  },
  {
    says: 'an ephemeral secret has expires_at null',
    given: put({ value: 'x', ephemeral: true }, 'boss/b'),
    status: 200,
    body: { expires_at: null },
  },
  { says: 'a path that does not match: 422', given: put({ value: 'x' }, 'boss/a//b'), ...badPath },
  {
    says: 'ephemeral and expire_after exclude each other: 422',
    given: put({ value: 'x', ephemeral: true, expire_after: 1 }),
    ...invalid({ _schema: ['ephemeral and expire_after exclude each other.'] }),
  },
  {
    says: 'expire_after up to 100 years',
    given: put({ value: 'x', expire_after: 100 * 365 * 24 * 3600 + 1 }),
    ...invalid({ expire_after: ['Must be less than or equal to 3153600000.'] }),
  },
  {
    says: 'anonymous: 401',
    given: (server) => send(server, 'PUT', '/v1/secrets/boss/a', { value: 'x' }),
    ...refused(401, 'A login (known client_id) is required to securely store information.'),
  },
  {
    says: "another client: 403 '<client_id>' doesn't match authenticated client id",
    given: put({ value: 'x' }, 'other/a'),
    ...refused(403, "'other' doesn't match authenticated client id"),
  },
  {
    says: 'DELETE of a secret: OK, for a missing one too',
    given: call('DELETE', '/v1/secrets/boss/none'),
    ...ok,
  },
];

testRows(test, shareServer(test), [
  ...permissions,
  ...restricted,
  { says: 'no store: 400 No secrets store', given: put({ value: 'x' }), ...refused(400, 'No secrets store') },
  {
    says: 'an invalid body is reported before a missing store',
    given: put({ value: 'x' }, 'boss/a//b'),
    ...badPath,
  },
]);
const { masterKeyText } = readCsfleVectors();
testRows(test, shareServer(test, { settings: { TESTFLINGER_SECRETS_MASTER_KEY: masterKeyText } }), withStore);
