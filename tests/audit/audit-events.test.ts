import test from 'ava';
import { MongoServerError } from 'mongodb';
import { routes } from '../../server/areas.js';
import { adminClientId } from '../../server/clients/client-rights.js';
import { nameOfRoute } from '../../server/http/route.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { logIn } from '../support/logins.js';
import { postFragment, postResult } from '../support/results.js';
import { secretsStores } from '../support/secrets.js';
import { startSignInWorld } from '../support/sign-in-world.js';
import { startServer } from '../support/start-server.js';
import { until } from '../support/until.js';
import { scenarios, secret } from './audit-scenarios.js';

const stating = routes.filter(({ audit }) => Array.isArray(audit)).map(nameOfRoute);

test('every route that states audit events has a scenario, and each other one gives its reason', (t) => {
  t.deepEqual(Object.keys(scenarios).sort(), [...stating].sort());
  for (const { audit, ...route } of routes) {
    const states = 'none' in audit ? audit.none.length > 3 : audit.length > 0;
    t.true(states, nameOfRoute(route));
  }
});

/** The successes of strangers and of people, whose actor is not the admin. */
const ownEvents = ['authn_login_success', 'user_created', 'session_expired'];

test('every route that states events stores them before it responds, with who, what and from where', async (t) => {
  const settings = { ...(await secretsStores['MongoDB']?.(t)), LOCAL_SIGN_IN: 'on' };
  const world = await startSignInWorld(t, { settings });
  const { server } = world;
  const { auditEvents, agents } = server.deps.collections;
  await agents.insertOne({ name: 'a1', queues: ['q1'] } as never);
  await addClient(server, { client_id: adminClientId, role: 'admin' });
  for (const [n, [name, { names, run }]] of Object.entries(scenarios).entries()) {
    const [ci, rack, boss, person] = [`ci-${n}`, `rack-${n}`, `boss-${n}`, `ada.${n}@example.com`];
    await addClient(server, { client_id: ci }, secret);
    await addClient(server, { client_id: rack, role: 'agent' }, secret);
    world.issuer.person = { ...world.issuer.person, sub: String(n), email: person };
    const admin = bearer(server, { client_id: boss, role: 'admin' });
    const send = async (method: string, path: string, body: object = {}) => {
      const init = method === 'GET' ? { headers: admin } : { ...jsonBody(body, admin), method };
      const response = await server.request(path, init);
      t.true(response.status < 300, `${method} ${path}: ${response.status}`);
      return response;
    };
    await run({ world, server, ci, rack, boss, send });
    const actors = name === 'POST /auth/once' ? [adminClientId] : [ci, rack, boss, person];
    const stored = await auditEvents.find({ actor: { $in: actors } }).toArray();
    t.deepEqual(stored.map(({ event }) => event).sort(), [...names].sort(), name);
    for (const { event, actor, actor_kind, source, outcome, request_id, expires_at, at } of stored) {
      const isOwn = ownEvents.includes(event) || request_id === undefined;
      if (!isOwn) t.deepEqual([actor, actor_kind], [boss, 'client'], name);
      t.is(outcome, 'accepted');
      t.truthy(source);
      t.is(expires_at.getTime() - at.getTime(), 400 * 24 * 3600 * 1000);
    }
    const text = JSON.stringify(stored);
    for (const hidden of [secret, 'not for anybody', ...world.issuer.issued])
      t.false(text.includes(hidden), name);
  }
});

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
