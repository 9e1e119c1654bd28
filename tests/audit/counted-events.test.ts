import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { logIn } from '../support/logins.js';
import { startServer } from '../support/start-server.js';
import { until } from '../support/until.js';

const secret = 'a client secret of good length';

test('equal logins of an hour are one event with their number, stored with the first of them', async (t) => {
  const server = await startServer(t);
  const { auditEvents } = server.deps.collections;
  await addClient(server, { client_id: 'ci' }, secret);
  await logIn(server, 'ci', secret);
  const [first, ...others] = await auditEvents.find().toArray();
  t.deepEqual(others, []);
  t.like(first, { event: 'authn_login_success', actor: 'ci', count: 1, detail: { key_id: 'secret' } });
  await Promise.all(Array.from({ length: 20 }, () => logIn(server, 'ci', secret)));
  await server.deps.auditTrail.flush();
  const stored = await auditEvents.find().toArray();
  // The hour may have ended meanwhile.
  t.true(stored.length <= 2);
  t.is(
    stored.reduce((sum, { count = 0 }) => sum + count, 0),
    21,
  );
});

test('refusals of strangers are one event for each source and minute, whatever they name', async (t) => {
  const server = await startServer(t);
  const { auditEvents } = server.deps.collections;
  for (let n = 0; n < 5; n += 1) await logIn(server, `nobody-${n}`, `wrong-${n}`);
  await server.request('/v1/client-permissions', { headers: { authorization: 'Bearer a.b.c' } });
  await until(t, async () => (await auditEvents.countDocuments()) >= 2);
  await server.deps.auditTrail.flush();
  const stored = await auditEvents.find({ event: 'authn_login_fail' }).toArray();
  t.true(stored.length <= 2);
  t.is(
    stored.reduce((sum, { count = 0 }) => sum + count, 0),
    5,
  );
  t.false(JSON.stringify(stored).includes('nobody-'));
  const [refused] = await auditEvents.find({ event: 'authz_fail' }).toArray();
  t.like(refused, { outcome: 'refused', actor_kind: 'anonymous', count: 1 });
});

test('a refusal of a known client names the client and the route', async (t) => {
  const server = await startServer(t);
  const own = bearer(server, { client_id: 'ci' });
  for (const priority of [7, 8]) {
    const job = { job_queue: 'q', job_priority: priority };
    t.is((await server.request('/v1/job', jsonBody(job, own))).status, 403);
  }
  await server.deps.auditTrail.flush();
  const stored = await server.deps.collections.auditEvents.find().toArray();
  t.true(stored.length <= 2);
  t.like(stored[0], { event: 'authz_fail', outcome: 'refused', actor: 'ci', target: 'POST /v1/job' });
});

test('several processes count one window in one event, and what could not be stored is stored later', async (t) => {
  const first = await startServer(t);
  const second = await startServer(t, { database: first.deps.connection.db.databaseName });
  const { auditEvents } = first.deps.collections;
  const { bulkWrite } = auditEvents;
  Object.assign(auditEvents, { bulkWrite: () => Promise.reject(new Error('not now')) });
  for (const server of [first, second, first]) await logIn(server, 'nobody', 'wrong');
  await t.throwsAsync(first.deps.auditTrail.flush(), { message: 'not now' });
  Object.assign(auditEvents, { bulkWrite });
  for (const server of [first, second]) await server.deps.auditTrail.flush();
  const stored = await auditEvents.find().toArray();
  t.true(stored.length <= 2);
  t.is(
    stored.reduce((sum, { count = 0 }) => sum + count, 0),
    3,
  );
});

test('control characters of details are escaped', async (t) => {
  const server = await startServer(t);
  const after = { max_priority: { 'q\u009b1': 1 }, text: 'a\u001bb' };
  await server.deps.audit({ event: 'client_changed', outcome: 'accepted', target: 'x', after });
  const [stored] = await server.deps.collections.auditEvents.find().toArray();
  t.deepEqual(stored?.detail, { after: { max_priority: { 'q\\u009b1': 1 }, text: 'a\\u001bb' } });
});

test('control characters of names are escaped, and long names are cut', async (t) => {
  const server = await startServer(t);
  await server.deps.audit({
    event: 'secret_changed',
    outcome: 'accepted',
    target: `a\u001b[2J\nb${'x'.repeat(500)}`,
  });
  const [stored] = await server.deps.collections.auditEvents.find().toArray();
  t.regex(stored?.target ?? '', /^a\\u001b\[2J\\u000abx+$/);
  t.true((stored?.target?.length ?? 0) < 300);
});
