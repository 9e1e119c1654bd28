import { randomUUID } from 'node:crypto';
import test from 'ava';
import { multipartFile } from '../actors/stock-session.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const enforce = { settings: { AGENT_BINDING: 'enforce' } };

/** Every request by which an agent writes to a job. */
function writesTo(jobId: string, headers: Record<string, string>): Record<string, [string, RequestInit]> {
  const fragment = { fragment_number: 0, timestamp: new Date().toISOString(), phase: 'test', log_data: 'x' };
  const file = multipartFile(Buffer.from('x'), 'artifact.tar.gz', 'application/x-gzip');
  const { 'content-length': _length, ...type } = file.headers;
  const events = { job_status_webhook: 'http://127.0.0.1:1/', events: [] };
  return {
    result: [`/v1/result/${jobId}`, jsonBody({ job_state: 'test' }, headers)],
    log: [`/v1/result/${jobId}/log/output`, jsonBody(fragment, headers)],
    artifact: [
      `/v1/result/${jobId}/artifact`,
      { method: 'POST', body: new Uint8Array(file.body), headers: { ...headers, ...type } },
    ],
    events: [`/v1/job/${jobId}/events`, jsonBody(events, headers)],
  };
}

function bindingEvents(server: TestServer): unknown[] {
  return server.logged
    .filter(({ event }) => event === 'agent_binding')
    .map(({ outcome, reason }) => [outcome, reason]);
}

test('with AGENT_BINDING=enforce an agent can write only to a job that it holds', async (t) => {
  const server = await startServer(t, enforce);
  const jobId = await submit(server);
  await claim(server, ['q1'], 'agent-1');
  for (const [name, [path, init]] of Object.entries(writesTo(jobId, agentHeaders(server, 'agent-2')))) {
    const response = await server.request(path, init);
    t.is(response.status, 403, name);
    t.deepEqual(await response.json(), { message: 'Not enough permissions on job ID', detail: {} }, name);
  }
  for (const [name, [path, init]] of Object.entries(writesTo(jobId, agentHeaders(server, 'agent-1')))) {
    t.not((await server.request(path, init)).status, 403, name);
  }
  t.deepEqual(
    bindingEvents(server),
    Array.from({ length: 4 }, () => ['refused', 'job_not_held']),
  );
});

/** The same requests, and a provision log about the job. */
function reportsAbout(jobId: string, headers: Record<string, string>): [string, [string, RequestInit]][] {
  const log = jsonBody({ job_id: jobId, exit_code: 0 }, headers);
  return [
    ...Object.entries(writesTo(jobId, headers)),
    ['end', [`/v1/result/${jobId}`, jsonBody({ job_state: 'complete' }, headers)]],
    ['provision log', ['/v1/agents/provision_logs/agent-1', log]],
  ];
}

for (const leases of ['on', 'off']) {
  for (const named of ['with', 'without']) {
    test(`with AGENT_BINDING=enforce an agent ${named} a name cannot write to a job that waits for a claim (AGENT_LEASES=${leases})`, async (t) => {
      const server = await startServer(t, { settings: { ...enforce.settings, AGENT_LEASES: leases } });
      const { jobs, logs, files, agents, provisionLogs } = server.deps.collections;
      await agents.insertOne({ name: 'agent-1' });
      const jobId = await submit(server);
      const before = await jobs.findOne({ job_id: jobId });
      const { authorization, cookie } = agentHeaders(server) as { authorization: string; cookie: string };
      const reports = reportsAbout(jobId, { authorization, ...(named === 'with' && { cookie }) });
      for (const [name, [path, init]] of reports) {
        const response = await server.request(path, init);
        t.is(response.status, 403, name);
        t.deepEqual(await response.json(), { message: 'Not enough permissions on job ID', detail: {} }, name);
      }
      t.deepEqual(await jobs.findOne({ job_id: jobId }), before);
      for (const collection of [logs, files, provisionLogs]) t.is(await collection.countDocuments(), 0);
      t.deepEqual(
        bindingEvents(server),
        reports.map(() => ['refused', 'job_not_held']),
      );
    });
  }
}

test('by default a write to a job that waits for a claim is stored and logged once', async (t) => {
  for (const name of ['result', 'log', 'artifact']) {
    const server = await startServer(t);
    const jobId = await submit(server);
    const [path, init] = writesTo(jobId, agentHeaders(server))[name] as [string, RequestInit];
    t.is((await server.request(path, init)).status, 200, name);
    t.deepEqual(bindingEvents(server), [['accepted', 'job_not_held']], name);
  }
});

for (const leases of ['on', 'off']) {
  test(`the attachments of a job that another agent holds are refused with AGENT_BINDING=enforce, else sent and logged (AGENT_LEASES=${leases})`, async (t) => {
    for (const binding of ['enforce', 'record']) {
      const server = await startServer(t, { settings: { AGENT_BINDING: binding, AGENT_LEASES: leases } });
      const jobId = await submit(server);
      const path = `/v1/job/${jobId}/attachments`;
      const statusFor = async (headers: Record<string, string>) =>
        (await server.request(path, { headers })).status;
      t.is(await statusFor(agentHeaders(server, 'agent-2')), 204, 'while the job waits');
      await claim(server, ['q1'], 'agent-1');
      t.is(await statusFor(agentHeaders(server, 'agent-1')), 204);
      t.deepEqual(bindingEvents(server), []);
      const refused = binding === 'enforce';
      t.is(await statusFor(agentHeaders(server, 'agent-2')), refused ? 403 : 204);
      t.is(await statusFor(bearer(server, { client_id: 'nameless', role: 'agent' })), refused ? 403 : 204);
      const outcome = refused ? 'refused' : 'accepted';
      t.deepEqual(bindingEvents(server), [
        [outcome, 'job_not_held'],
        [outcome, 'job_not_held'],
      ]);
    }
  });
}

test('by default a write of an agent that does not hold the job returns 200 and has no effect; with AGENT_LEASES=off it is stored and logged', async (t) => {
  const leased = await startServer(t);
  const held = await submit(leased);
  await claim(leased, ['q1'], 'agent-1');
  for (const [path, init] of Object.values(writesTo(held, agentHeaders(leased, 'agent-2')))) {
    const answer = await leased.request(path, init);
    t.deepEqual([answer.status, answer.headers.get('queuepass-discarded')], [200, 'lease-lost']);
  }
  t.deepEqual(bindingEvents(leased)[0], ['refused', 'job_not_held']);
  const server = await startServer(t, { settings: { AGENT_LEASES: 'off' } });
  const jobId = await submit(server);
  await claim(server, ['q1'], 'agent-1');
  const { result, log } = writesTo(jobId, agentHeaders(server, 'agent-2'));
  for (const [path, init] of [result, log] as [string, RequestInit][]) {
    t.is((await server.request(path, init)).status, 200);
  }
  t.deepEqual(bindingEvents(server), [
    ['accepted', 'job_not_held'],
    ['accepted', 'job_not_held'],
  ]);
});

test('a job that was claimed from a Testflinger server has no holder, and any agent can write to it', async (t) => {
  const server = await startServer(t, enforce);
  const jobId = await submit(server);
  await server.deps.collections.jobs.updateOne(
    { job_id: jobId },
    { $set: { 'result_data.job_state': 'test' } },
  );
  const { result } = writesTo(jobId, agentHeaders(server, 'agent-2'));
  t.is((await server.request(...(result as [string, RequestInit]))).status, 200);
  const unknown = writesTo(randomUUID(), agentHeaders(server, 'agent-2')).result as [string, RequestInit];
  t.is((await server.request(...unknown)).status, 200);
});

test("an agent's name belongs to the client that used it first", async (t) => {
  const server = await startServer(t, enforce);
  const path = '/v1/agents/data/agent-1';
  const as = (clientId: string, role = 'agent') => bearer(server, { client_id: clientId, role });
  t.is((await server.request(path, jsonBody({ state: 'waiting' }, as('first')))).status, 200);
  t.is((await server.request(path, jsonBody({ state: 'test' }, as('first')))).status, 200);
  const other = await server.request(path, jsonBody({ state: 'offline' }, as('second')));
  t.is(other.status, 403);
  t.deepEqual(await other.json(), { message: 'The agent name belongs to another client', detail: {} });
  t.is((await server.deps.collections.agents.findOne({ name: 'agent-1' }))?.state, 'test');
  t.is((await server.request(path, jsonBody({ comment: 'seen to' }, as('boss', 'manager')))).status, 200);
  const cookie = { cookie: 'agent_name=agent-1' };
  t.is((await server.request('/v1/job?queue=q1', { headers: { ...as('second'), ...cookie } })).status, 403);
  t.is((await server.request('/v1/job?queue=q1', { headers: { ...as('first'), ...cookie } })).status, 204);
  const shown = (await (await server.request(path, { headers: as('first') })).json()) as object;
  t.false('bound_to' in shown);
});

test('by default an agent name is also bound to its first client, and its use by another client is logged', async (t) => {
  const server = await startServer(t);
  const path = '/v1/agents/data/agent-1';
  for (const clientId of ['first', 'second', 'first']) {
    const headers = bearer(server, { client_id: clientId, role: 'agent' });
    t.is((await server.request(path, jsonBody({ state: clientId }, headers))).status, 200);
  }
  t.is((await server.deps.collections.agents.findOne({ name: 'agent-1' }))?.bound_to, 'first');
  t.deepEqual(bindingEvents(server), [['accepted', 'agent_name_bound']]);
});
