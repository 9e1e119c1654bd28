import test, { type ExecutionContext } from 'ava';
import { issueRefreshToken } from '../../server/auth/refresh-token.js';
import { StockAgent } from '../actors/stock-agent.js';
import { StockCli } from '../actors/stock-cli.js';
import { addClient } from '../support/clients.js';
import { type LeaseServer, passTime, startLeaseServer, storedJob } from '../support/leases.js';

/*
 * The acceptance criteria of leases.md, section 7, with actors that send the requests of the stock agent and CLI: a
 * lost job is claimed again and the CLI polls it until its end.
 */

/** Thrown to simulate the death of an agent: it sends no further request. */
class Killed extends Error {}

async function makeLab(t: ExecutionContext, settings: Record<string, string> = {}) {
  const server = await startLeaseServer(t, settings);
  await addClient(server, { client_id: 'ci' }, 'a secret of the lab');
  await addClient(server, { client_id: 'agents', role: 'agent' });
  const refreshToken = await issueRefreshToken(server.deps, 'agents', false);
  const cli = new StockCli({ url: server.url, clientId: 'ci', clientKey: 'a secret of the lab' });
  await cli.start();
  const addAgent = async (name: string, onPhase?: (phase: string) => void | Promise<void>) => {
    const agent = new StockAgent({
      url: server.url,
      name,
      queues: ['q1'],
      refreshToken,
      ...(onPhase && { onPhase }),
    });
    await agent.start();
    return agent;
  };
  return { server, cli, addAgent };
}

const job = {
  job_queue: 'q1',
  provision_data: { distro: 'noble' },
  test_data: { test_cmds: 'true' },
};

/** Kills the agent in a phase. */
const dieIn = (wanted: string) => (phase: string) => {
  if (phase === wanted) throw new Killed();
};

async function runAndDie(t: ExecutionContext, agent: StockAgent): Promise<void> {
  const claimed = await agent.poll();
  await t.throwsAsync(agent.run(claimed as never), { instanceOf: Killed });
}

/** Lets time pass while another agent polls, as idle stock agents do. */
async function passWhilePolling(server: LeaseServer, seconds: number, agent: StockAgent): Promise<unknown> {
  for (let passed = 0; passed < seconds; passed += 60) {
    await passTime(server, 60);
    const taken = await agent.poll();
    await server.deps.agentWatch.round();
    if (taken) return taken;
  }
  return undefined;
}

test('a stock agent that sends nothing for 3 hours in provision keeps its job', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  const agent = await addAgent('agent-1', async (phase) => {
    for (let hour = 0; phase === 'provision' && hour < 3; hour += 1) await passTime(server, 3600);
  });
  await agent.run((await agent.poll()) as never);
  await cli.start();
  t.is((await cli.poll(id)).state, 'complete');
  t.is((await storedJob(server, id)).attempts, undefined);
});

test('an agent killed in test loses its job after 15 minutes, another agent of the queue gets it, and the CLI polls until its end', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  const first = await addAgent('agent-1', dieIn('test'));
  const second = await addAgent('agent-2');
  await runAndDie(t, first);
  const before = await cli.poll(id);
  t.is(before.state, 'test');
  t.true(before.output.includes('provision ends'));
  t.is(await passWhilePolling(server, 840, second), undefined);
  const claimed = await passWhilePolling(server, 120, second);
  t.is((claimed as { job_id: string }).job_id, id);
  await cli.start();
  await second.run(claimed as never);
  const { state, output } = await cli.poll(id, before.next);
  t.is(state, 'complete');
  const lines = (phase: string) => [1, 2, 3].map((n) => `${phase} line ${n}\n`).join('') + `${phase} ends\n`;
  t.is(output, `${lines('provision')}Queuepass: agent-1 was lost, attempt 1 of 2\n${lines('test')}`);
});

test('the only agent of a queue, killed and started again, gets its job back and ends it', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  await runAndDie(t, await addAgent('agent-1', dieIn('test')));
  const again = await addAgent('agent-1');
  const claimed = await passWhilePolling(server, 1200, again);
  t.is((claimed as { job_id: string } | undefined)?.job_id, id);
  await again.run(claimed as never);
  await cli.start();
  t.is((await cli.poll(id)).state, 'complete');
  t.deepEqual((await storedJob(server, id)).result_data.status, { provision: 0, test: 0 });
});

test('an agent that is started again with its run directory ends the job at once with its partial result', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  await runAndDie(t, await addAgent('agent-1', dieIn('test')));
  await passTime(server, 900);
  await cli.start();
  t.is((await cli.poll(id)).state, 'waiting');
  const again = await addAgent('agent-1');
  await again.session.call('POST', `/v1/result/${id}`, { status: { provision: 0 }, job_state: 'complete' });
  t.is((await cli.poll(id)).state, 'complete');
  const { result_data: result, lease } = await storedJob(server, id);
  t.deepEqual(result.status, { provision: 0 });
  t.is(lease?.holder, 'agent-1');
});

test('while an agent is not started again its job waits, and the CLI sees its position', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  await runAndDie(t, await addAgent('agent-1', dieIn('test')));
  for (let day = 0; day < 1000; day += 300) await passTime(server, 300);
  await cli.start();
  t.like(await cli.poll(id), { state: 'waiting', position: 0 });
});

test('a job whose agent is killed in every attempt ends with status 75 after the last one, and so does the CLI', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await runAndDie(t, await addAgent('agent-1', dieIn('test')));
    await passTime(server, 900);
  }
  await cli.start();
  t.is((await cli.poll(id)).state, 'complete');
  const result = (await cli.session.call('GET', `/v1/result/${id}`)).json();
  t.like(result, { provision_status: 0, test_status: 75 });
});

test('an agent that finishes a lost job late gets 200, and the result of the new attempt is kept', async (t) => {
  const { server, cli, addAgent } = await makeLab(t);
  const id = await cli.submit(job);
  let meanwhile = async (): Promise<void> => undefined;
  const slow = await addAgent('agent-1', async (phase) => {
    if (phase === 'reserve') await meanwhile();
  });
  const quick = await addAgent('agent-2');
  const claimed = await slow.poll();
  meanwhile = async () => {
    const taken = await passWhilePolling(server, 1200, quick);
    await quick.run(taken as never, Buffer.from('of the second'));
    await refresh(slow);
  };
  await slow.run(claimed as never, Buffer.from('of the first'));
  await cli.start();
  t.is((await cli.poll(id)).state, 'complete');
  const got = await cli.session.call('GET', `/v1/result/${id}/artifact`);
  t.is(got.text, 'of the second');
  const { attempts, lease } = await storedJob(server, id);
  t.is(lease?.holder, 'agent-2');
  t.true((attempts?.[0]?.late?.length ?? 0) > 0, 'late data is stored separately');
});

/** Refreshes the access token of an agent, which expired when the test moved the clock. */
async function refresh(agent: StockAgent): Promise<void> {
  const { refreshToken } = agent.options;
  const answer = await agent.session.call('POST', '/v1/oauth2/refresh', { refresh_token: refreshToken });
  agent.session.accessToken = answer.json().access_token as string;
}
