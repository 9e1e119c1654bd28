import { gzipSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { startServer, type TestServer, testSigningKey } from '../support/start-server.js';
import { StockAgent } from './stock-agent.js';
import { StockCli } from './stock-cli.js';

interface Lab {
  server: TestServer;
  agent: StockAgent;
  cli: StockCli;
}

/** A server, a CLI that logs in as a client, and an agent with a token file. Both behave like the stock programs. */
async function makeLab(t: ExecutionContext, twice = false): Promise<Lab> {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci', max_priority: { '*': 10 } }, 'a secret of the lab');
  await addClient(server, { client_id: 'agents', role: 'agent' });
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const answer = await server.request('/v1/client-permissions/agents/agent-token', jsonBody({}, admin));
  const { refresh_token: refreshToken } = (await answer.json()) as { refresh_token: string };
  const { url } = server;
  const queues = ['q1', 'q2'];
  const agent = new StockAgent({
    url,
    twice,
    name: 'agent-1',
    queues,
    refreshToken,
    advertised: { q1: 'the first' },
  });
  const cli = new StockCli({ url, twice, clientId: 'ci', clientKey: 'a secret of the lab' });
  await cli.start();
  await agent.start();
  return { server, agent, cli };
}

const job = {
  job_queue: 'q1',
  job_priority: 5,
  provision_data: { distro: 'noble' },
  test_data: { test_cmds: 'true', attachments: [{ agent: 'a.txt' }] },
};

for (const twice of [false, true]) {
  const how = twice ? 'with each POST sent twice' : 'with each call sent once';
  test(`the CLI submits a job, the agent runs it, and the CLI reads the result, ${how}`, async (t) => {
    const { server, agent, cli } = await makeLab(t, twice);
    // A submit without an id creates a new job each time it is sent.
    const given = twice ? { ...job, job_id: '11111111-2222-4333-8444-555555555555' } : job;
    t.is(await agent.poll(), undefined);
    const id = await cli.submit(given, gzipSync('attachments'));
    t.deepEqual(await cli.poll(id), { state: 'waiting', output: '', next: 0, position: 0 });
    const claimed = await agent.poll();
    t.like(claimed, { ...given, job_id: id, attachments_status: 'complete', exclude_agents: [] });
    const artifact = gzipSync('an artifact');
    t.deepEqual(await agent.run(claimed as never, artifact), { provision: 0, test: 0 });
    const { state, output, next } = await cli.poll(id);
    t.is(state, 'complete');
    const lines = (phase: string) =>
      [1, 2, 3].map((line) => `${phase} line ${line}\n`).join('') + `${phase} ends\n`;
    t.is(output, lines('provision') + lines('test'));
    t.is(next, 8);
    const result = (await cli.session.call('GET', `/v1/result/${id}`)).json();
    t.like(result, {
      job_state: 'complete',
      provision_status: 0,
      test_status: 0,
      device_info: { 'a.b': '$c' },
      test_serial: 'test serial\u0000\u001b[0m\n',
    });
    const got = await cli.session.call('GET', `/v1/result/${id}/artifact`);
    t.deepEqual(got.bytes, artifact);
    t.is(got.headers['content-encoding'], 'gzip');
    t.is(await agent.poll(), undefined);
    t.is(await server.deps.collections.jobs.countDocuments(), 1);
  });
}

test('the agent makes the same calls as the stock agent, in the same order', async (t) => {
  const { agent, cli } = await makeLab(t);
  const id = await cli.submit({ job_queue: 'q1', test_data: { test_cmds: 'true' } });
  const before = agent.session.calls.length;
  await agent.run((await agent.poll()) as never);
  const self = 'GET /v1/agents/data/agent-1';
  const post = 'POST /v1/agents/data/agent-1';
  const result = `/v1/result/${id}`;
  const enter = [self, self, `POST ${result}`, post];
  const fragment = `POST ${result}/log/output`;
  const phase = [`GET ${result}`, ...enter];
  t.deepEqual(agent.session.calls.slice(before), [
    'GET /v1',
    ...[self, self, self, self],
    'GET /v1/job?queue=q1&queue=q2',
    post,
    ...[...phase, ...phase, ...phase, ...phase],
    ...[
      fragment,
      fragment,
      fragment,
      `GET ${result}`,
      fragment,
      `POST ${result}/log/serial`,
      `POST ${result}`,
    ],
    ...[...phase, ...phase],
    ...enter,
    `POST ${result}/artifact`,
    `POST ${result}`,
    'POST /v1/agents/provision_logs/agent-1',
    'GET /v1',
    post,
    post,
  ]);
});

test('an agent notices a cancel when it next reads the result, and the job becomes complete with the status of the cancel', async (t) => {
  const { agent, cli } = await makeLab(t);
  const id = await cli.submit({ job_queue: 'q1', test_data: { test_cmds: 'true' } });
  const claimed = await agent.poll();
  t.is(await cli.cancel(id), 200);
  t.is(await cli.cancel(id), 400);
  t.deepEqual(await agent.run(claimed as never), { test: 247 });
  const result = (await cli.session.call('GET', `/v1/result/${id}`)).json();
  t.like(result, { job_state: 'complete', test_status: 247 });
});

test('an agent whose access token has expired refreshes it once and continues', async (t) => {
  const { agent } = await makeLab(t);
  const earlier = { now: () => new Date(Date.now() - 3_600_000) };
  const signer = { signingKeys: readSigningKeys(testSigningKey), clock: earlier };
  agent.session.accessToken = signAccessToken(signer, { client_id: 'agents', role: 'agent' });
  const before = agent.session.calls.length;
  t.is(await agent.poll(), undefined);
  const refreshes = agent.session.calls.slice(before).filter((call) => call === 'POST /v1/oauth2/refresh');
  t.is(refreshes.length, 1);
});

test('a CLI without a login submits anonymously', async (t) => {
  const { server, agent } = await makeLab(t);
  const anonymous = new StockCli({ url: server.url });
  await anonymous.start();
  const id = await anonymous.submit({ job_queue: 'q2' });
  t.is((await agent.poll())?.job_id, id);
});
