import test from 'ava';
import { multipartFile } from '../actors/stock-session.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { passTime, sendResult, startJob, startLeaseServer, storedJob } from '../support/leases.js';
import { makeFragment } from '../support/results.js';
import { startServer, type TestServer } from '../support/start-server.js';

const enforce = { AGENT_BINDING: 'enforce' };

/** The headers of a client that writes the name of another client's agent into its cookie. */
function thiefHeaders(server: TestServer): Record<string, string> {
  return { ...bearer(server, { client_id: 'thief', role: 'agent' }), cookie: 'agent_name=agent-1' };
}

/** Every request of an agent about a job. */
function requestsAbout(
  jobId: string,
  headers: Record<string, string>,
): Record<string, [path: string, init: RequestInit]> {
  const file = multipartFile(Buffer.from('x'), 'artifact.tar.gz', 'application/x-gzip');
  const { 'content-length': _length, ...type } = file.headers;
  const events = { job_status_webhook: 'http://127.0.0.1:1/', events: [] };
  const provision = { job_id: jobId, exit_code: 0 };
  return {
    result: [`/v1/result/${jobId}`, jsonBody({ status: { test: 9 }, job_state: 'reserve' }, headers)],
    log: [`/v1/result/${jobId}/log/output`, jsonBody(makeFragment({ log_data: 'of a thief' }), headers)],
    artifact: [
      `/v1/result/${jobId}/artifact`,
      { method: 'POST', body: new Uint8Array(file.body), headers: { ...headers, ...type } },
    ],
    events: [`/v1/job/${jobId}/events`, jsonBody(events, headers)],
    'provision log': ['/v1/agents/provision_logs/agent-1', jsonBody(provision, headers)],
    'check for a cancel': [`/v1/result/${jobId}`, { headers }],
    attachments: [`/v1/job/${jobId}/attachments`, { headers }],
  };
}

const bindingEvents = (server: TestServer) =>
  server.logged
    .filter(({ event }) => event === 'agent_binding')
    .map(({ actor, outcome, target, reason }) => ({ actor, outcome, target, reason }));

/** A job that agent-1 runs, with its own client. The name itself is bound to no client yet. */
async function startOwnJob(server: TestServer): Promise<string> {
  await server.deps.collections.agents.insertOne({ name: 'agent-1' });
  const jobId = await submit(server);
  await startJob(server, 'agent-1', jobId);
  return jobId;
}

for (const leases of ['on', 'off']) {
  test(`with AGENT_BINDING=enforce another client cannot send anything about a job in the name of its agent (AGENT_LEASES=${leases})`, async (t) => {
    const server = await startServer(t, { settings: { ...enforce, AGENT_LEASES: leases } });
    const jobId = await startOwnJob(server);
    const before = await storedJob(server, jobId);
    t.is(before.lease?.client_id, 'client of agent-1');
    for (const [name, [path, init]] of Object.entries(requestsAbout(jobId, thiefHeaders(server)))) {
      const response = await server.request(path, init);
      t.is(response.status, 403, name);
      t.deepEqual(await response.json(), { message: 'Not enough permissions on job ID', detail: {} }, name);
    }
    t.deepEqual(await storedJob(server, jobId), before);
    t.is(await server.deps.collections.logs.countDocuments(), 0);
    t.is(await server.deps.collections.files.countDocuments(), 0);
    t.is(await server.deps.collections.provisionLogs.countDocuments(), 0);
    const refused = { actor: 'thief', outcome: 'refused', target: jobId, reason: 'job_not_held' };
    t.deepEqual(
      bindingEvents(server),
      Array.from({ length: 7 }, () => refused),
    );
    for (const [name, [path, init]] of Object.entries(
      requestsAbout(jobId, agentHeaders(server, 'agent-1')),
    )) {
      t.not((await server.request(path, init)).status, 403, name);
    }
    t.is((await storedJob(server, jobId)).result_data.job_state, 'reserve');
  });
}

test('by default a request of another client in the name of an agent is taken and logged', async (t) => {
  const server = await startServer(t);
  const jobId = await startOwnJob(server);
  for (const [path, init] of Object.values(requestsAbout(jobId, thiefHeaders(server)))) {
    t.not((await server.request(path, init)).status, 403);
  }
  t.is((await storedJob(server, jobId)).result_data.job_state, 'reserve');
  const accepted = { actor: 'thief', outcome: 'accepted', target: jobId, reason: 'job_not_held' };
  const events = bindingEvents(server);
  t.true(events.length >= 7);
  for (const event of events) t.deepEqual(event, accepted);
  t.is((await storedJob(server, jobId)).lease?.client_id, 'client of agent-1');
});

for (const leases of ['on', 'off']) {
  test(`a lease without a client belongs to the client of its holder's first write (AGENT_LEASES=${leases})`, async (t) => {
    const server = await startServer(t, { settings: { ...enforce, AGENT_LEASES: leases } });
    const jobId = await startOwnJob(server);
    await server.deps.collections.jobs.updateOne({ job_id: jobId }, { $unset: { 'lease.client_id': true } });
    const read = () => server.request(`/v1/result/${jobId}`, { headers: thiefHeaders(server) });
    t.is((await read()).status, 200, 'a read binds nothing');
    t.is((await sendResult(server, 'agent-1', jobId, { job_state: 'reserve' })).status, 200);
    t.is((await storedJob(server, jobId)).lease?.client_id, 'client of agent-1');
    t.is((await read()).status, 403);
    t.is((await sendResult(server, 'agent-1', jobId, { job_state: 'cleanup' })).status, 200);
    t.is((await storedJob(server, jobId)).result_data.job_state, 'cleanup');
  });
}

test('a running job without a holder belongs to the client of the first write about it', async (t) => {
  const server = await startServer(t, { settings: enforce });
  for (const posted of ['log', 'result']) {
    const jobId = await submit(server);
    await server.deps.collections.jobs.updateOne(
      { job_id: jobId },
      { $set: { 'result_data.job_state': 'test' } },
    );
    const about = requestsAbout(jobId, agentHeaders(server, 'agent-1'));
    t.is((await server.request(...(about[posted] as [string, RequestInit]))).status, 200);
    t.like((await storedJob(server, jobId)).lease, { holder: 'agent-1', client_id: 'client of agent-1' });
    t.is((await server.request(...requestsAbout(jobId, thiefHeaders(server))[posted]!)).status, 403);
  }
});

test('claims of one moment store the client of each claimer, and a released claim stores none', async (t) => {
  const server = await startServer(t);
  const ids = await Promise.all(Array.from({ length: 30 }, () => submit(server)));
  await Promise.all(ids.map((_, n) => claim(server, ['q1'], `agent-${n}`)));
  for (const jobId of ids) {
    const { lease } = await storedJob(server, jobId);
    t.is(lease?.client_id, `client of ${lease?.holder}`);
  }
});

test('a lost job returns only to the client that lost it', async (t) => {
  const server = await startLeaseServer(t, { ...enforce, AGENT_LEASE_SECONDS: '900' });
  const jobId = await startOwnJob(server);
  await passTime(server, 901);
  const lost = await storedJob(server, jobId);
  t.is(lost.lease?.client_id, undefined);
  t.like(lost.attempts?.[0], { holder: 'agent-1', client_id: 'client of agent-1' });
  for (const [name, [path, init]] of Object.entries(requestsAbout(jobId, thiefHeaders(server)))) {
    t.is((await server.request(path, init)).status, 403, name);
  }
  t.deepEqual(await storedJob(server, jobId), lost);
  t.is((await sendResult(server, 'agent-1', jobId, { job_state: 'reserve' })).status, 200);
  t.like((await storedJob(server, jobId)).lease, { holder: 'agent-1', client_id: 'client of agent-1' });
});

test('a resubmitted job refuses late data from another client than the one that held it', async (t) => {
  const server = await startServer(t, { settings: enforce });
  const jobId = await startOwnJob(server);
  await sendResult(server, 'agent-1', jobId, { job_state: 'complete' });
  t.is(await submit(server, { job_id: jobId }), jobId);
  const { result } = requestsAbout(jobId, thiefHeaders(server));
  t.is((await server.request(...(result as [string, RequestInit]))).status, 403);
  const late = await sendResult(server, 'agent-1', jobId, { job_state: 'complete' });
  t.true(late.isDiscarded);
});

test('an agent data report of another client does not renew a lease with AGENT_BINDING=enforce', async (t) => {
  const server = await startLeaseServer(t, { ...enforce, AGENT_LEASE_SECONDS: '900' });
  const jobId = await startOwnJob(server);
  await server.deps.collections.agents.updateOne({ name: 'agent-1' }, { $set: { job_id: jobId } });
  const { lease } = await storedJob(server, jobId);
  server.clock.move(600);
  await server.request('/v1/agents/data/agent-1', { headers: thiefHeaders(server) });
  t.deepEqual((await storedJob(server, jobId)).lease, lease);
  await server.deps.agentWatch.round();
  await server.request('/v1/agents/data/agent-1', { headers: agentHeaders(server, 'agent-1') });
  t.true(((await storedJob(server, jobId)).lease?.until ?? 0) > (lease?.until ?? 0));
});

test('the provision log of an agent takes only reports of the client that its name belongs to', async (t) => {
  const server = await startServer(t, { settings: enforce });
  const report = (headers: Record<string, string>) =>
    server.request('/v1/agents/provision_logs/agent-1', jsonBody({ job_id: 'none', exit_code: 0 }, headers));
  await server.request('/v1/agents/data/agent-1', jsonBody({}, agentHeaders(server, 'agent-1')));
  const refused = await report(agentHeaders(server, 'agent-2'));
  t.is(refused.status, 403);
  t.deepEqual(await refused.json(), { message: 'The agent name belongs to another client', detail: {} });
  t.is((await report(agentHeaders(server, 'agent-1'))).status, 200);
});
