import test from 'ava';
import { MongoServerError } from 'mongodb';
import { routes } from '../../server/areas.js';
import { nameOfRoute } from '../../server/http/route.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { askToken, logIn } from '../support/logins.js';
import { postFragment, postResult } from '../support/results.js';
import { secretsStores } from '../support/secrets.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';

const secret = 'a client secret of good length';

interface Acting {
  server: TestServer;
  send(method: string, path: string, body?: object): Promise<Response>;
}

async function refreshTokenOf(server: TestServer): Promise<string> {
  return (JSON.parse((await askToken(server, `ci:${secret}`)).body) as { refresh_token: string })
    .refresh_token;
}

const json = async (response: Promise<Response>) => (await (await response).json()) as Record<string, string>;

/** A successful request to each route that states events, and the names under which these are stored. */
const scenarios: Record<string, { names: string[]; run(acting: Acting): Promise<unknown> }> = {
  'GET /v1/authenticate/token/{client_id}': {
    names: ['authn_login_success'],
    run: ({ server }) => logIn(server, 'ci', secret),
  },
  'POST /v1/oauth2/token': {
    names: ['authn_login_success'],
    run: ({ server }) => askToken(server, `ci:${secret}`),
  },
  'POST /v1/oauth2/refresh': {
    names: ['authn_login_success', 'authn_token_created'],
    run: async ({ server, send }) =>
      send('POST', '/v1/oauth2/refresh', { refresh_token: await refreshTokenOf(server) }),
  },
  'POST /v1/oauth2/revoke': {
    names: ['authn_login_success', 'authn_token_revoked'],
    run: async ({ server, send }) =>
      send('POST', '/v1/oauth2/revoke', { refresh_token: await refreshTokenOf(server) }),
  },
  'PUT /v1/client-permissions/{client_id}': {
    names: ['user_created', 'user_updated'],
    run: ({ send }) =>
      send('PUT', '/v1/client-permissions/new?generate_key=true', {
        role: 'contributor',
        max_priority: { q: 5 },
      }),
  },
  'DELETE /v1/client-permissions/{client_id}': {
    names: ['user_deleted'],
    run: ({ send }) => send('DELETE', '/v1/client-permissions/ci'),
  },
  'POST /v1/client-permissions/{client_id}/keys': {
    names: ['user_updated'],
    run: ({ send }) => send('POST', '/v1/client-permissions/ci/keys', {}),
  },
  'DELETE /v1/client-permissions/{client_id}/keys/{key_id}': {
    names: ['user_updated', 'user_updated'],
    async run({ send }) {
      const { key_id: id } = await json(send('POST', '/v1/client-permissions/ci/keys', {}));
      await send('DELETE', `/v1/client-permissions/ci/keys/${id}`);
    },
  },
  'POST /v1/client-permissions/{client_id}/agent-token': {
    names: ['authn_token_created'],
    run: ({ send }) => send('POST', '/v1/client-permissions/rack/agent-token', {}),
  },
  'DELETE /v1/client-permissions/{client_id}/refresh-tokens/{token_id}': {
    names: ['authn_login_success', 'authn_token_revoked'],
    async run({ server, send }) {
      await refreshTokenOf(server);
      const list = await send('GET', '/v1/client-permissions/ci/refresh-tokens');
      const [token] = (await list.json()) as { token_id: string }[];
      await send('DELETE', `/v1/client-permissions/ci/refresh-tokens/${token?.token_id}`);
    },
  },
  'POST /v1/restricted-queues/{queue_name}': {
    names: ['authz_change'],
    run: ({ send }) => send('POST', '/v1/restricted-queues/q1', { client_id: 'ci' }),
  },
  'DELETE /v1/restricted-queues/{queue_name}': {
    names: ['authz_change', 'authz_change'],
    async run({ send }) {
      await send('POST', '/v1/restricted-queues/q1', { client_id: 'ci' });
      await send('DELETE', '/v1/restricted-queues/q1', { client_id: 'ci' });
    },
  },
  'PUT /v1/secrets/{client_id}/{path}': {
    names: ['sensitive_update'],
    run: ({ send }) => send('PUT', '/v1/secrets/boss/a/b', { value: 'not for anybody' }),
  },
  'DELETE /v1/secrets/{client_id}/{path}': {
    names: ['sensitive_update', 'sensitive_delete'],
    async run({ send }) {
      await send('PUT', '/v1/secrets/boss/a/b', { value: 'not for anybody' });
      await send('DELETE', '/v1/secrets/boss/a/b');
    },
  },
  'POST /v1/job/{job_id}/action': {
    names: ['job_cancelled'],
    run: async ({ server, send }) =>
      send('POST', `/v1/job/${await submit(server)}/action`, { action: 'cancel' }),
  },
  'POST /v1/agents/data/{agent_name}': {
    names: ['agent_changed'],
    run: ({ send }) => send('POST', '/v1/agents/data/a1', { state: 'offline', comment: 'in repair' }),
  },
};

const stating = routes.filter(({ audit }) => Array.isArray(audit)).map(nameOfRoute);

test('every route that states audit events has a scenario, and each other one gives its reason', (t) => {
  t.deepEqual(Object.keys(scenarios).sort(), [...stating].sort());
  for (const { audit, ...route } of routes) {
    const states = 'none' in audit ? audit.none.length > 3 : audit.length > 0;
    t.true(states, nameOfRoute(route));
  }
});

for (const [name, { names, run }] of Object.entries(scenarios)) {
  test(`${name} stores its events before it responds, with who, what and from where`, async (t) => {
    const server = await startServer(t, { settings: (await secretsStores['MongoDB']?.(t)) ?? {} });
    const { auditEvents } = server.deps.collections;
    await addClient(server, { client_id: 'ci' }, secret);
    await addClient(server, { client_id: 'rack', role: 'agent' }, secret);
    const admin = bearer(server, { client_id: 'boss', role: 'admin' });
    const send = async (method: string, path: string, body: object = {}) => {
      const init = method === 'GET' ? { headers: admin } : { ...jsonBody(body, admin), method };
      const response = await server.request(path, init);
      t.true(response.status < 300, `${method} ${path}: ${response.status}`);
      return response;
    };
    await server.deps.collections.agents.insertOne({ name: 'a1', queues: ['q1'] } as never);
    await run({ server, send });
    const stored = await auditEvents.find().sort({ at: 1, _id: 1 }).toArray();
    t.deepEqual(stored.map(({ event }) => event).sort(), [...names].sort());
    for (const { event, actor, actor_kind, source, outcome, request_id, expires_at, at } of stored) {
      const isOwn = ['authn_login_success'].includes(event) || request_id === undefined;
      t.is(actor, isOwn ? 'ci' : 'boss', event);
      t.deepEqual([actor_kind, outcome], ['client', 'accepted']);
      t.truthy(source);
      t.is(expires_at.getTime() - at.getTime(), 400 * 24 * 3600 * 1000);
    }
    const text = JSON.stringify(stored);
    t.false(text.includes(secret) || text.includes('not for anybody'));
  });
}

test('a key and a restriction are stored under their client and queue, and the log line names both', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  await server.deps.collections.agents.insertOne({ name: 'a1', queues: ['q1'] } as never);
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  await server.request('/v1/client-permissions/ci/keys', jsonBody({}, admin));
  await server.request('/v1/restricted-queues/q1', jsonBody({ client_id: 'ci' }, admin));
  const [key, restriction] = await server.deps.collections.auditEvents.find().sort({ _id: 1 }).toArray();
  t.is(key?.target, 'ci');
  t.regex((key?.detail as { key_id: string }).key_id, /^\w{12}$/);
  t.like(restriction, { target: 'q1', detail: { owner: 'ci', change: 'added' } });
  t.true(server.logged.some(({ target }) => target === 'q1 + ci'));
});

test('an event that the database did not take is stored later', async (t) => {
  const server = await startServer(t);
  const { auditEvents } = server.deps.collections;
  const { insertOne } = auditEvents;
  Object.assign(auditEvents, {
    insertOne: () => Promise.reject(new MongoServerError({ message: 'no primary', code: 11600 })),
  });
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  await addClient(server, { client_id: 'ci' }, secret);
  const removed = await server.request('/v1/client-permissions/ci', { method: 'DELETE', headers: admin });
  t.is(removed.status, 503);
  Object.assign(auditEvents, { insertOne });
  await until(
    t,
    async () => (await auditEvents.countDocuments({ event: 'user_deleted', target: 'ci' })) === 1,
  );
});

test('an event that MongoDB can never store is not tried again, and delays no other', async (t) => {
  const server = await startServer(t);
  const { auditEvents } = server.deps.collections;
  const { insertOne } = auditEvents;
  let tries = 0;
  const refuse = () => {
    tries += 1;
    return Promise.reject(new MongoServerError({ message: 'validation', code: 121 }));
  };
  Object.assign(auditEvents, { insertOne: refuse });
  await t.throwsAsync(server.deps.audit({ event: 'client_removed', outcome: 'accepted', target: 'ci' }));
  await logIn(server, 'nobody', 'wrong');
  await server.deps.auditTrail.flush();
  Object.assign(auditEvents, { insertOne });
  t.is(tries, 1);
  t.is(await auditEvents.countDocuments({ event: 'authn_login_fail' }), 1);
});

test('what jobs and agents record themselves is not stored', async (t) => {
  const server = await startServer(t);
  const id = await submit(server);
  await claim(server, ['q1']);
  await postFragment(server, id);
  await postResult(server, id, { job_state: 'test' });
  const agent = bearer(server, { client_id: 'rack', role: 'agent' });
  await server.request('/v1/agents/data/agent-1', jsonBody({ state: 'waiting' }, agent));
  t.is(await server.deps.collections.auditEvents.countDocuments(), 0);
});

test('a change is not answered as done while its event cannot be stored', async (t) => {
  const server = await startServer(t);
  const fail = () => Promise.reject(new MongoServerError({ message: 'no primary', code: 11600 }));
  Object.assign(server.deps.collections.auditEvents, { insertOne: fail, bulkWrite: fail });
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const changed = await server.request('/v1/client-permissions/new?generate_key=true', {
    ...jsonBody({}, admin),
    method: 'PUT',
  });
  t.is(changed.status, 503);
  await addClient(server, { client_id: 'ci' }, secret);
  t.is((await logIn(server, 'ci', secret)).status, 503);
  t.is((await logIn(server, 'ci', 'wrong')).status, 401, 'a refusal does not wait');
});
