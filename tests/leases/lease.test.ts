import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import {
  asAgent,
  passTime,
  startJob,
  startLeaseServer,
  storedJob,
  tellLog,
  tellResult,
  type LeaseServer,
} from '../support/leases.js';

/** Seconds from now to the end of a job's lease; `undefined` without one. */
async function secondsLeft(server: LeaseServer, jobId: string): Promise<number | undefined> {
  const { lease } = await storedJob(server, jobId);
  return lease?.until && (lease.until.getTime() - server.clock.now().getTime()) / 1000;
}

test('a claim begins a lease of AGENT_LEASE_SECONDS, and the final result ends it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  t.is(await secondsLeft(server, jobId), undefined);
  await startJob(server, 'a', jobId, 'setup');
  t.is(await secondsLeft(server, jobId), 900);
  await tellResult(server, 'a', jobId, { job_state: 'complete' });
  t.deepEqual((await storedJob(server, jobId)).lease, { holder: 'a', attempt: 1 });
  const shorter = await startLeaseServer(t, { AGENT_LEASE_SECONDS: '30' });
  const other = await submit(shorter);
  await claim(shorter, ['q1'], 'a');
  t.is(await secondsLeft(shorter, other), 30);
});

for (const [told, timeout] of [
  [undefined, 4 * 3600],
  [7200, 7200],
] as const) {
  test(`a provision with the global_timeout ${told} has that added to its lease, and no other phase has`, async (t) => {
    const server = await startLeaseServer(t);
    const jobId = await submit(server, told === undefined ? {} : { global_timeout: told });
    await startJob(server, 'a', jobId, 'provision');
    t.is(await secondsLeft(server, jobId), timeout + 900);
    // A request about the job does so too, by the other reckoning.
    await passTime(server, (timeout + 900) / 2 + 1);
    await tellLog(server, 'a', jobId, 0, 'x');
    t.is(await secondsLeft(server, jobId), timeout + 900);
    await tellResult(server, 'a', jobId, { job_state: 'firmware_update' });
    t.is(await secondsLeft(server, jobId), 900);
  });
}

test('each request of the holder about its job prolongs the lease once half of it has passed', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test', job_id: jobId });
  const data = '/v1/agents/data/a';
  const signs: Record<string, () => Promise<{ status: number }>> = {
    log: () => tellLog(server, 'a', jobId, 0, 'x'),
    'log of an older piece': () => tellLog(server, 'a', jobId, 0, 'x'),
    'get result': () => asAgent(server, 'a', `/v1/result/${jobId}`),
    attachments: () => asAgent(server, 'a', `/v1/job/${jobId}/attachments`),
    events: () => asAgent(server, 'a', `/v1/job/${jobId}/events`, { job_status_webhook: 'http://x/' }),
    result: () => tellResult(server, 'a', jobId, { status: { setup: 0 } }),
    'provision log': () =>
      asAgent(server, 'a', '/v1/agents/provision_logs/a', { job_id: jobId, exit_code: 0 }),
    'get own data': () => asAgent(server, 'a', data),
    'post own data': () => asAgent(server, 'a', data, { comment: 'x' }),
  };
  for (const [name, give] of Object.entries(signs)) {
    await server.deps.agentWatch.round();
    await tellResult(server, 'a', jobId, { job_state: 'test' });
    server.clock.move(400);
    await give();
    if (name !== 'result') t.is(await secondsLeft(server, jobId), 500, `${name}: half has not passed`);
    await server.deps.agentWatch.round();
    await tellResult(server, 'a', jobId, { job_state: 'test' });
    server.clock.move(451);
    await give();
    t.is(await secondsLeft(server, jobId), 900, name);
  }
});

test('no other request prolongs it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(500);
  await asAgent(server, 'b', `/v1/result/${jobId}`);
  await tellResult(server, 'b', jobId, { job_state: 'setup' });
  await tellLog(server, 'b', jobId, 0, 'x');
  await asAgent(server, 'b', `/v1/job/${jobId}/attachments`);
  // Nobody's job in its own data, and somebody else's data.
  await asAgent(server, 'a', '/v1/agents/data/a', { comment: 'x' });
  await asAgent(server, 'a', '/v1/agents/data/b', { job_id: jobId });
  await asAgent(server, 'b', '/v1/agents/data/b', { job_id: jobId });
  const cookie = { cookie: 'agent_name=a' };
  const person = { ...bearer(server, { role: 'contributor' }), ...cookie };
  await server.request(`/v1/result/${jobId}`, { headers: person });
  const manager = { ...bearer(server, { role: 'manager' }), ...cookie };
  await server.request('/v1/agents/data/a', jsonBody({ job_id: jobId }, manager));
  t.is(await secondsLeft(server, jobId), 400);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
});

test('a busy agent costs one write of its lease for half of it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const { db } = server.deps.connection;
  await db.command({ profile: 2 });
  for (let n = 0; n < 90; n += 1) {
    server.clock.move(10);
    await tellLog(server, 'a', jobId, n, 'x');
    await asAgent(server, 'a', `/v1/result/${jobId}`);
  }
  await db.command({ profile: 0 });
  const writes = await db.collection('system.profile').countDocuments({ op: 'update', ns: /\.jobs$/ });
  t.is(writes, 1);
});

for (const [name, ask] of Object.entries({
  'asks for another job': (server: LeaseServer) => claim(server, ['q1'], 'a'),
  'posts the state waiting': (server: LeaseServer) =>
    asAgent(server, 'a', '/v1/agents/data/a', { state: 'waiting' }),
  'posts the state offline': (server: LeaseServer) =>
    asAgent(server, 'a', '/v1/agents/data/a', { state: 'offline' }),
})) {
  test(`the lease of a holder that ${name} is cut to 600 s, until it sends something about the job`, async (t) => {
    const server = await startLeaseServer(t);
    const jobId = await submit(server, {});
    await startJob(server, 'a', jobId, 'provision');
    await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId });
    await ask(server);
    t.is(await secondsLeft(server, jobId), 600);
    server.clock.move(590);
    await server.deps.agentWatch.round();
    await asAgent(server, 'a', '/v1/agents/data/a');
    await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test' });
    await ask(server);
    t.is(await secondsLeft(server, jobId), 10, 'its own data do not prolong it');
    await asAgent(server, 'a', `/v1/result/${jobId}`);
    t.is(await secondsLeft(server, jobId), 4 * 3600 + 900);
    t.false('cut' in ((await storedJob(server, jobId)).lease ?? {}));
  });
}

test('a lease that ends sooner is not made longer by a cut', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(500);
  t.is(await claim(server, ['q1'], 'a'), undefined);
  t.is(await secondsLeft(server, jobId), 400);
});

test('a job that is running without a lease gets one at the next word of its agent, and does not expire before', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  const { jobs } = server.deps.collections;
  await jobs.updateOne({ job_id: jobId }, { $set: { 'result_data.job_state': 'test' } });
  await passTime(server, 10_000);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  // Somebody who only looks, such as the agent of another device, does not become its holder.
  await asAgent(server, 'b', `/v1/result/${jobId}`);
  t.is((await storedJob(server, jobId)).lease, undefined);
  await tellLog(server, 'a', jobId, 7, 'x');
  const { lease } = await storedJob(server, jobId);
  t.deepEqual([lease?.holder, lease?.attempt, await secondsLeft(server, jobId)], ['a', 1, 900]);
  await passTime(server, 901);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting');
});

test('an agent of which the server believed that it never got its job, and that begins it, holds it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await tellResult(server, 'a', jobId, { job_state: 'setup' });
  const { lease, result_data: result } = await storedJob(server, jobId);
  t.deepEqual([result.job_state, lease?.holder, lease?.attempt], ['setup', 'a', 1]);
  t.is(await secondsLeft(server, jobId), 900);
});

test('a client without the cookie writes as the v1 contract has it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const headers = bearer(server, { role: 'agent' });
  const sent = await server.request(`/v1/result/${jobId}`, jsonBody({ status: { setup: 3 } }, headers));
  t.is(sent.headers.get('queuepass-discarded'), null);
  t.deepEqual((await storedJob(server, jobId)).result_data.status, { setup: 3 });
});

test('with AGENT_LEASES=off no job is taken from anybody, and every agent may write', async (t) => {
  const server = await startLeaseServer(t, { AGENT_LEASES: 'off' });
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  t.deepEqual((await storedJob(server, jobId)).lease, { holder: 'a', attempt: 1 });
  await passTime(server, 7 * 24 * 3600);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  const { isDiscarded } = await tellResult(server, 'b', jobId, { status: { test: 1 } });
  t.false(isDiscarded);
  t.deepEqual((await storedJob(server, jobId)).result_data.status, { test: 1 });
});

test('a lease that began in another process is cut too, once this one has looked', async (t) => {
  const server = await startLeaseServer(t);
  const second = await startLeaseServer(t, {}, server.clock, server.deps.connection.db.databaseName);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId, 'provision');
  await claim(second, ['q1'], 'a');
  t.true(((await secondsLeft(server, jobId)) ?? 0) > 600, 'it does not know of it yet');
  await second.deps.agentWatch.round();
  await claim(second, ['q1'], 'a');
  t.is(await secondsLeft(server, jobId), 600);
});

test("an agent's own data are looked at for its lease once in a round", async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId });
  server.clock.move(500);
  await asAgent(server, 'a', '/v1/agents/data/a');
  t.is(await secondsLeft(server, jobId), 400);
  await server.deps.agentWatch.round();
  await asAgent(server, 'a', '/v1/agents/data/a');
  t.is(await secondsLeft(server, jobId), 900);
});

test('an agent does not give its job back by telling that it is waiting or running', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  for (const word of ['waiting', 'running']) {
    await tellResult(server, 'a', jobId, { job_state: word, status: { setup: 0 } });
    t.deepEqual((await storedJob(server, jobId)).result_data, { job_state: 'test', status: { setup: 0 } });
  }
  t.is(await claim(server, ['q1'], 'b'), undefined);
});
