import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import {
  asAgent,
  type LeaseServer,
  passTime,
  sendLog,
  sendResult,
  startJob,
  startLeaseServer,
  storedJob,
} from '../support/leases.js';

/** Returns the seconds until the end of a job's lease, or `undefined` without a lease. */
async function secondsLeft(server: LeaseServer, jobId: string): Promise<number | undefined> {
  const { lease } = await storedJob(server, jobId);
  return lease?.until && (lease.until.getTime() - server.clock.now().getTime()) / 1000;
}

test('a claim starts a lease of AGENT_LEASE_SECONDS, and the final result ends it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  t.is(await secondsLeft(server, jobId), undefined);
  await startJob(server, 'a', jobId, 'setup');
  t.is(await secondsLeft(server, jobId), 900);
  await sendResult(server, 'a', jobId, { job_state: 'complete' });
  t.deepEqual((await storedJob(server, jobId)).lease, { holder: 'a', client_id: 'client of a', attempt: 1 });
  const shorter = await startLeaseServer(t, { AGENT_LEASE_SECONDS: '30' });
  const other = await submit(shorter);
  await claim(shorter, ['q1'], 'a');
  t.is(await secondsLeft(shorter, other), 30);
});

for (const [globalTimeout, timeout] of [
  [undefined, 4 * 3600],
  [7200, 7200],
] as const) {
  test(`with the global_timeout ${globalTimeout} the lease in provision is longer by ${timeout} s, and in other phases it is not`, async (t) => {
    const server = await startLeaseServer(t);
    const jobId = await submit(server, globalTimeout === undefined ? {} : { global_timeout: globalTimeout });
    await startJob(server, 'a', jobId, 'provision');
    t.is(await secondsLeft(server, jobId), timeout + 900);
    // A request about the job extends the lease too, through a different calculation.
    await passTime(server, (timeout + 900) / 2 + 1);
    await sendLog(server, 'a', jobId, 0, 'x');
    t.is(await secondsLeft(server, jobId), timeout + 900);
    await sendResult(server, 'a', jobId, { job_state: 'firmware_update' });
    t.is(await secondsLeft(server, jobId), 900);
  });
}

test('each request of the holder about its job extends the lease once half of it has passed', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test', job_id: jobId });
  const data = '/v1/agents/data/a';
  const requests: Record<string, () => Promise<{ status: number }>> = {
    log: () => sendLog(server, 'a', jobId, 0, 'x'),
    'log of an older piece': () => sendLog(server, 'a', jobId, 0, 'x'),
    'get result': () => asAgent(server, 'a', `/v1/result/${jobId}`),
    attachments: () => asAgent(server, 'a', `/v1/job/${jobId}/attachments`),
    events: () => asAgent(server, 'a', `/v1/job/${jobId}/events`, { job_status_webhook: 'http://x/' }),
    result: () => sendResult(server, 'a', jobId, { status: { setup: 0 } }),
    'provision log': () =>
      asAgent(server, 'a', '/v1/agents/provision_logs/a', { job_id: jobId, exit_code: 0 }),
    'get own data': () => asAgent(server, 'a', data),
    'post own data': () => asAgent(server, 'a', data, { comment: 'x' }),
  };
  for (const [name, send] of Object.entries(requests)) {
    await server.deps.agentWatch.round();
    await sendResult(server, 'a', jobId, { job_state: 'test' });
    server.clock.move(400);
    await send();
    if (name !== 'result') t.is(await secondsLeft(server, jobId), 500, `${name}: half has not passed`);
    await server.deps.agentWatch.round();
    await sendResult(server, 'a', jobId, { job_state: 'test' });
    server.clock.move(451);
    await send();
    t.is(await secondsLeft(server, jobId), 900, name);
  }
});

test('no other request extends the lease', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(500);
  await asAgent(server, 'b', `/v1/result/${jobId}`);
  await sendResult(server, 'b', jobId, { job_state: 'setup' });
  await sendLog(server, 'b', jobId, 0, 'x');
  await asAgent(server, 'b', `/v1/job/${jobId}/attachments`);
  // The holder's own data without a job, and the data of another agent.
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

test('a busy agent causes one lease write per half of its lease', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const { db } = server.deps.connection;
  await db.command({ profile: 2 });
  for (let n = 0; n < 90; n += 1) {
    server.clock.move(10);
    await sendLog(server, 'a', jobId, n, 'x');
    await asAgent(server, 'a', `/v1/result/${jobId}`);
  }
  await db.command({ profile: 0 });
  const writes = await db.collection('system.profile').countDocuments({ op: 'update', ns: /\.jobs$/ });
  t.is(writes, 1);
});

for (const [name, sendRequest] of Object.entries({
  'requests another job': (server: LeaseServer) => claim(server, ['q1'], 'a'),
  'posts the state waiting': (server: LeaseServer) =>
    asAgent(server, 'a', '/v1/agents/data/a', { state: 'waiting' }),
  'posts the state offline': (server: LeaseServer) =>
    asAgent(server, 'a', '/v1/agents/data/a', { state: 'offline' }),
})) {
  test(`the lease of a holder that ${name} is shortened to 600 s, until it sends a request about the job`, async (t) => {
    const server = await startLeaseServer(t);
    const jobId = await submit(server, {});
    await startJob(server, 'a', jobId, 'provision');
    await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId });
    await sendRequest(server);
    t.is(await secondsLeft(server, jobId), 600);
    server.clock.move(590);
    await server.deps.agentWatch.round();
    await asAgent(server, 'a', '/v1/agents/data/a');
    await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test' });
    await sendRequest(server);
    t.is(await secondsLeft(server, jobId), 10, 'requests about its own data do not extend the lease');
    await asAgent(server, 'a', `/v1/result/${jobId}`);
    t.is(await secondsLeft(server, jobId), 4 * 3600 + 900);
    t.false('cut' in ((await storedJob(server, jobId)).lease ?? {}));
  });
}

test('a lease with less than 600 s left is not changed when it would be shortened', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(500);
  t.is(await claim(server, ['q1'], 'a'), undefined);
  t.is(await secondsLeft(server, jobId), 400);
});

test('a job that runs without a lease gets one with the next data from its agent, and does not expire before', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  const { jobs } = server.deps.collections;
  await jobs.updateOne({ job_id: jobId }, { $set: { 'result_data.job_state': 'test' } });
  await passTime(server, 10_000);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  // An agent that only reads the job, such as the agent of another device, does not become its holder.
  await asAgent(server, 'b', `/v1/result/${jobId}`);
  t.is((await storedJob(server, jobId)).lease, undefined);
  await sendLog(server, 'a', jobId, 7, 'x');
  const { lease } = await storedJob(server, jobId);
  t.deepEqual([lease?.holder, lease?.attempt, await secondsLeft(server, jobId)], ['a', 1, 900]);
  await passTime(server, 901);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting');
});

test('an agent that starts a job whose claim was undone holds it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await sendResult(server, 'a', jobId, { job_state: 'setup' });
  const { lease, result_data: result } = await storedJob(server, jobId);
  t.deepEqual([result.job_state, lease?.holder, lease?.attempt], ['setup', 'a', 1]);
  t.is(await secondsLeft(server, jobId), 900);
});

test('a client without the cookie can write, as in the Testflinger v1 API', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const headers = bearer(server, { role: 'agent' });
  const sent = await server.request(`/v1/result/${jobId}`, jsonBody({ status: { setup: 3 } }, headers));
  t.is(sent.headers.get('queuepass-discarded'), null);
  t.deepEqual((await storedJob(server, jobId)).result_data.status, { setup: 3 });
});

test('with AGENT_LEASES=off no agent loses a job, and every agent can write', async (t) => {
  const server = await startLeaseServer(t, { AGENT_LEASES: 'off' });
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  t.deepEqual((await storedJob(server, jobId)).lease, { holder: 'a', client_id: 'client of a', attempt: 1 });
  await passTime(server, 7 * 24 * 3600);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  const { isDiscarded } = await sendResult(server, 'b', jobId, { status: { test: 1 } });
  t.false(isDiscarded);
  t.deepEqual((await storedJob(server, jobId)).result_data.status, { test: 1 });
});

test('a lease that began in another process is shortened too, once this process has read it', async (t) => {
  const server = await startLeaseServer(t);
  const second = await startLeaseServer(t, {}, server.clock, server.deps.connection.db.databaseName);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId, 'provision');
  await claim(second, ['q1'], 'a');
  t.true(((await secondsLeft(server, jobId)) ?? 0) > 600, 'this process has not read the lease yet');
  await second.deps.agentWatch.round();
  await claim(second, ['q1'], 'a');
  t.is(await secondsLeft(server, jobId), 600);
});

test('requests about its own data extend the lease of an agent at most once per round', async (t) => {
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

test('an agent does not release its job by posting the state waiting or running', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  for (const word of ['waiting', 'running']) {
    await sendResult(server, 'a', jobId, { job_state: word, status: { setup: 0 } });
    t.deepEqual((await storedJob(server, jobId)).result_data, { job_state: 'test', status: { setup: 0 } });
  }
  t.is(await claim(server, ['q1'], 'b'), undefined);
});
