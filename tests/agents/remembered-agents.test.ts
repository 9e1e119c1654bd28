import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { type HeldStream, holdStream } from '../support/held-stream.js';
import { startRecording, times } from '../support/recorded-commands.js';
import { SeededRandom } from '../support/seeded-random.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { until } from '../support/until.js';

type Fields = Record<string, unknown>;

/** A program that sends its cookies back, as the stock agent does. */
class Agent {
  readonly cookies = new Map<string, string>();

  constructor(
    readonly t: ExecutionContext,
    readonly name = 'a1',
    readonly role = 'agent',
  ) {}

  async call(at: TestServer, path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...bearer(at, { client_id: 'c', role: this.role }), cookie, ...init.headers };
    const response = await at.request(path, { ...init, headers });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }

  async post(at: TestServer, fields: Fields): Promise<void> {
    const response = await this.call(at, `/v1/agents/data/${this.name}`, jsonBody(fields));
    this.t.is(response.status, 200);
  }

  async read(at: TestServer, status = 200): Promise<Fields> {
    const response = await this.call(at, `/v1/agents/data/${this.name}`);
    this.t.is(response.status, status);
    return (await response.json()) as Fields;
  }
}

/** Two servers on one database whose streams are open. */
async function startTwo(t: ExecutionContext) {
  const first = await startServer(t);
  const second = await startServer(t, { database: first.deps.connection.db.databaseName });
  const servers = [first, second] as const;
  const streams = servers.map(({ deps }) => holdStream(deps.collections.agents));
  for (const server of servers) {
    const opener = new Agent(t, 'other');
    opener.cookies.set('agent_name', 'other');
    await opener.read(server, 404);
    await until(t, () => server.deps.agentMemory.isLive);
  }
  return { first, second, servers, streams: streams as [HeldStream, HeldStream] };
}

/** Starts a server that records its commands about agents, and an agent that it answers from memory. */
async function startRemembering(t: ExecutionContext) {
  const server = await startRecording(t);
  const agent = new Agent(t);
  await agent.post(server, { state: 'waiting', queues: ['q1'] });
  await until(t, () => server.deps.agentMemory.isLive);
  await agent.read(server);
  const count = async (run: () => Promise<unknown>) => {
    server.sent.length = 0;
    await run();
    // The watch of agents writes in the background who was seen.
    return server.sent.filter((one) => one.endsWith(' agents') && one !== 'update agents').length;
  };
  return { server, agent, count };
}

test('an idle poll of an agent sends no command about agents to the database', async (t) => {
  const { server, agent, count } = await startRemembering(t);
  const polls = count(async () => {
    for (let n = 0; n < 4; n += 1) t.is((await agent.read(server))['state'], 'waiting');
    t.is((await agent.call(server, '/v1/job?queue=q1')).status, 204);
  });
  t.is(await polls, 0);
});

test('a report with a log reads the job of its agent only if the agent is not remembered', async (t) => {
  const { server, agent } = await startRemembering(t);
  const countFinds = (run: () => Promise<unknown>) => server.count('find agents', run);
  await agent.post(server, { job_id: randomUUID() });
  t.is(await countFinds(() => agent.post(server, { log: ['a line'] })), 0);
  agent.cookies.delete('agent_write');
  t.is(await countFinds(() => agent.post(server, { log: ['a line'] })), 1);
});

test('a report through a server whose stream lags is masked by the job that the agent reported before', async (t) => {
  const { first, second, streams } = await startTwo(t);
  const agent = new Agent(t);
  await agent.post(second, { state: 'waiting' });
  await agent.read(second);
  for (const stream of streams) stream.hold();
  const jobId = randomUUID();
  await agent.post(first, { job_id: jobId });
  const steps: string[] = [];
  const { findHeldJobs, updateAgent } = second.deps;
  second.deps.findHeldJobs = (id) => {
    steps.push(id);
    return findHeldJobs(id);
  };
  second.deps.updateAgent = (change) => {
    steps.push('write');
    return updateAgent(change);
  };
  await agent.post(second, { log: ['a line'] });
  for (const stream of streams) stream.release();
  t.deepEqual(steps.slice(0, 2), [jobId, 'write']);
});

test('a server that starts later answers from memory after one read', async (t) => {
  const { server, agent } = await startRemembering(t);
  const later = await startServer(t, { database: server.deps.connection.db.databaseName });
  await agent.read(later);
  await until(t, () => later.deps.agentMemory.isLive);
  await agent.read(later);
  await server.deps.connection.client.db('admin').command({ ping: 1 });
  later.deps.findAgentRecord = () => Promise.reject(new Error('read'));
  t.is((await agent.read(later))['state'], 'waiting');
});

test('who is not the agent itself reads from the database, whatever cookies it has', async (t) => {
  const { server, agent, count } = await startRemembering(t);
  const role = Object.assign(new Agent(t, 'a1', 'manager'), { cookies: agent.cookies });
  t.is(await count(() => role.read(server)), 1);
  const other = new Agent(t);
  other.cookies.set('agent_write', agent.cookies.get('agent_write') ?? '');
  t.is(await count(() => other.read(server)), 1);
  other.cookies.set('agent_name', 'a2');
  t.is(await count(() => other.read(server)), 1);
  const marks = ['', '~', 'forged', 'x'.repeat(8000), '%', `${agent.cookies.get('agent_write')}x`];
  for (const mark of marks) {
    const forger = new Agent(t);
    forger.cookies.set('agent_name', 'a1').set('agent_write', mark);
    t.is(await count(async () => t.is((await forger.read(server))['state'], 'waiting')), 1, mark);
  }
  t.is(await count(() => agent.read(server)), 0);
});

test('the two fields of the memory are not shown, and a provision sets its own mark', async (t) => {
  const { server, agent } = await startRemembering(t);
  const shown = await agent.read(server);
  t.deepEqual(Object.keys(shown).sort(), ['name', 'queues', 'restricted_to', 'state', 'updated_at']);
  const mark = agent.cookies.get('agent_write');
  const log = jsonBody({ job_id: 'j', exit_code: 0 });
  t.is((await agent.call(server, '/v1/agents/provision_logs/a1', log)).status, 200);
  t.not(agent.cookies.get('agent_write'), mark);
  const stored = await server.deps.collections.agents.findOne({ name: 'a1' });
  t.like(stored, { revision: 2, write_mark: agent.cookies.get('agent_write'), provision_streak_count: 1 });
});

test('an agent reads its own writes at once, through whichever server, while the streams lag', async (t) => {
  const { first, second, streams } = await startTwo(t);
  const agent = new Agent(t);
  for (let n = 0; n < 10; n += 1) {
    const [at, other] = n % 2 === 0 ? [first, second] : [second, first];
    for (const stream of streams) stream.hold();
    await agent.post(at, { state: `s${n}` });
    for (const one of [other, at, other]) t.is((await agent.read(one))['state'], `s${n}`);
    const log = jsonBody({ job_id: `${n}`, exit_code: 0 });
    t.is((await agent.call(at, '/v1/agents/provision_logs/a1', log)).status, 200);
    for (const one of [other, at]) t.is((await agent.read(one))['provision_streak_count'], n + 1);
    if (n % 3 === 0) for (const stream of streams) stream.release();
  }
});

test('an agent that read the write of another program does not read less from a server whose stream lags', async (t) => {
  const { first, second, streams } = await startTwo(t);
  const agent = new Agent(t);
  await agent.post(first, { state: 'waiting' });
  for (const one of [first, second]) await agent.read(one);
  for (const stream of streams) stream.hold();
  await new Agent(t, 'a1', 'admin').post(first, { state: 'maintenance', comment: 'broken cable' });
  // The first server wrote it, and the second one does not know of it.
  t.is((await agent.read(first))['state'], 'maintenance');
  t.is((await agent.read(second))['state'], 'maintenance');
  for (const stream of streams) stream.release();
});

test('two programs that report as one agent, through two servers whose streams lag at random, always read their own reports', async (t) => {
  const { servers, streams } = await startTwo(t);
  const random = new SeededRandom(Number(process.env['SEED'] ?? Date.now() % 100_000));
  t.log(`SEED=${random.seed}`);
  const run = async (field: string, fork: SeededRandom) => {
    const agent = new Agent(t);
    for (let n = 0; n < 40; n += 1) {
      const stream = fork.pick(streams);
      stream.release();
      if (fork.chance(0.5)) stream.hold();
      if (fork.chance(0.1)) await stream.lose();
      await agent.post(fork.pick(servers), { [field]: `${n}` });
      for (let reads = fork.integer(1, 4); reads > 0; reads -= 1)
        t.is((await agent.read(fork.pick(servers)))[field], `${n}`);
    }
  };
  await Promise.all(['comment', 'location', 'state'].map((field) => run(field, random.fork(field))));
  for (const stream of streams) stream.release();
});

test('equal reports of many agents in one statement are read at once, and remembered by both servers', async (t) => {
  const { first, second, streams } = await startTwo(t);
  const agents = times(20, (n) => new Agent(t, `a${n}`));
  for (const state of ['waiting', 'setup', 'test']) {
    for (const stream of streams) stream.hold();
    await Promise.all(agents.map((agent) => agent.post(first, { state })));
    const states = await Promise.all(agents.map(async (agent) => (await agent.read(second))['state']));
    t.deepEqual(states, new Array<string>(20).fill(state));
    for (const stream of streams) stream.release();
  }
  t.is(await second.deps.collections.agents.countDocuments({ revision: 3 }), 20);
});

test('reports of one agent in one command have marks of their own', async (t) => {
  const { deps } = await startServer(t);
  const { agents } = deps.collections;
  const change = (name: string, state: string) => deps.updateAgent({ name, update: { $set: { state } } });
  await Promise.all(['x', 'y', 'z'].map((name) => change(name, 'new')));
  const [one, two, three] = await Promise.all([change('x', 'a'), change('x', 'b'), change('y', 'a')]);
  t.is(one.mark, three.mark);
  t.not(one.mark, two.mark);
  t.like(await agents.findOne({ name: 'x' }), { state: 'b', write_mark: two.mark });
});

test('a write of another program and a removal are shown once the stream reports them', async (t) => {
  const { server, agent } = await startRemembering(t);
  const { agents } = server.deps.collections;
  await agents.updateOne({ name: 'a1' }, { $set: { state: 'offline' }, $push: { queues: 'q2' } });
  await until(t, async () => (await agent.read(server))['state'] === 'offline');
  t.deepEqual((await agent.read(server))['queues'], ['q1', 'q2']);
  await agents.updateOne({ name: 'a1' }, { $unset: { queues: '' } });
  await until(t, async () => !('queues' in (await agent.read(server))));
  await agents.deleteOne({ name: 'a1' });
  await until(t, async () => (await agent.call(server, '/v1/agents/data/a1')).status === 404);
  await agent.post(server, { state: 'back' });
  t.is((await agent.read(server))['state'], 'back');
});

test('while the stream is lost the database is read, and what it missed is not kept', async (t) => {
  const { first, second, streams } = await startTwo(t);
  const agent = new Agent(t);
  await agent.post(first, { state: 'waiting' });
  await agent.read(second);
  streams[1].hold();
  await agent.post(first, { state: 'setup' });
  await new Agent(t, 'a1', 'admin').post(first, { comment: 'missed' });
  await streams[1].lose();
  await until(t, () => !second.deps.agentMemory.isLive);
  t.like(await agent.read(second), { state: 'setup', comment: 'missed' });
  await first.deps.collections.agents.updateOne({ name: 'a1' }, { $set: { state: 'foreign' } });
  t.is((await agent.read(second))['state'], 'foreign');
  await until(t, () => second.deps.agentMemory.isLive);
  t.is((await agent.read(second))['state'], 'foreign');
  await agent.post(first, { state: 'test' });
  t.is((await agent.read(second))['state'], 'test');
});

test('a record with long texts is read from the database', async (t) => {
  const { server, agent, count } = await startRemembering(t);
  await agent.post(server, { comment: 'x'.repeat(5000) });
  t.is(await count(async () => t.is(String((await agent.read(server))['comment']).length, 5000)), 1);
  await agent.post(server, { comment: '' });
  await agent.read(server);
  t.is(await count(() => agent.read(server)), 0);
});
