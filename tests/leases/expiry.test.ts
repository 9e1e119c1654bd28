import test from 'ava';
import { findExpired, sweepLeases } from '../../server/leases/sweep-leases.js';
import { jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import {
  addLiveAgent,
  asAgent,
  passTime,
  sendLog,
  sendResult,
  startJob,
  startLeaseServer,
  storedJob,
} from '../support/leases.js';
import { postFragment, readLog, readResult } from '../support/results.js';
import { startServer } from '../support/start-server.js';

test('a job whose holder sends nothing waits again as the first of its priority, and its attempt is stored separately', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  server.clock.move(1);
  const later = await submit(server);
  await startJob(server, 'a', jobId);
  await sendResult(server, 'a', jobId, { status: { setup: 0 }, device_info: { 'a.b': '$c' } });
  const before = await storedJob(server, jobId);
  await passTime(server, 899);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  await passTime(server, 1);
  const {
    attempts,
    lease,
    result_data: result,
    created_at,
    job_priority,
    ...rest
  } = await storedJob(server, jobId);
  t.deepEqual(result, { job_state: 'waiting' });
  t.deepEqual(created_at, before.created_at);
  t.is(job_priority, before.job_priority);
  t.false('started_at' in rest);
  t.deepEqual(lease, { attempt: 1, losses: 1 });
  t.deepEqual(attempts, [
    {
      attempt: 1,
      holder: 'a',
      client_id: 'client of a',
      started_at: before.started_at as Date,
      phase_times: { test: before.started_at as Date },
      ended_at: server.clock.now(),
      reason: 'lease_expired',
      state: 'test',
      status: { setup: 0 },
      device_info: { 'a.b': '$c' },
    },
  ]);
  t.deepEqual(await readResult(server, jobId), {
    job_state: 'waiting',
    test_output: 'Queuepass: a was lost, attempt 1 of 2\n',
  });
  t.is(await (await server.request(`/v1/job/${jobId}/position`)).text(), '0');
  t.is((await claim(server, ['q1'], 'b'))?.job_id, jobId);
  t.is((await claim(server, ['q1'], 'b'))?.job_id, later);
  const warned = server.logged.filter(({ reason }) => reason === 'lease_expired');
  t.deepEqual(
    warned.map(({ job_id, agent, attempt, state, event }) => ({ job_id, agent, attempt, state, event })),
    [{ job_id: jobId, agent: 'a', attempt: 1, state: 'test', event: 'lose' }],
  );
});

test('fragment numbers continue: the log of the next attempt comes after the line that reports the loss', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId, 'setup');
  await sendLog(server, 'a', jobId, 0, 'a setup\n', 'setup');
  await sendLog(server, 'a', jobId, 1, 'a test\n');
  await postFragment(server, jobId, { log_data: 'nobody' }, 'serial');
  const serial = { fragment_number: 0, timestamp: new Date(), phase: 'test', log_data: 'a serial\n' };
  await asAgent(server, 'a', `/v1/result/${jobId}/log/serial`, serial);
  await sendResult(server, 'a', jobId, { job_state: 'test' });
  await passTime(server, 900);
  await startJob(server, 'b', jobId, 'setup');
  await sendLog(server, 'b', jobId, 0, 'b setup\n', 'setup');
  await sendLog(server, 'b', jobId, 0, 'b setup\n', 'setup');
  await sendLog(server, 'b', jobId, 1, 'b test\n');
  await asAgent(server, 'b', `/v1/result/${jobId}/log/serial`, { ...serial, log_data: 'b serial\n' });
  const output = await readLog(server, jobId);
  t.deepEqual(output.setup, { last_fragment_number: 3, log_data: 'a setup\nb setup\n' });
  t.deepEqual(output.test, {
    last_fragment_number: 4,
    log_data: 'a test\nQueuepass: a was lost, attempt 1 of 2\nb test\n',
  });
  // A CLI that had read everything before the loss continues at its number and misses nothing.
  const rest = await readLog(server, jobId, '?start_fragment=2');
  t.is(rest.test?.log_data, 'Queuepass: a was lost, attempt 1 of 2\nb test\n');
  t.is(rest.setup?.log_data, 'b setup\n');
  const serials = await readLog(server, jobId, '', 'serial');
  t.deepEqual(serials.test, { last_fragment_number: 1, log_data: 'a serial\nb serial\n' });
});

test('after JOB_MAX_ATTEMPTS a job is complete, with status 75 for its phase and the results of the last attempt', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '3' });
  for (const [word, phase] of [
    ['firmware_update', 'firmware_update'],
    ['allocated', 'allocate'],
    ['running', 'test'],
    ['some_word', 'test'],
  ] as const) {
    const jobId = await submit(server);
    for (const agent of ['a', 'b', 'c']) {
      await claim(server, ['q1'], agent);
      if (word !== 'running') await sendResult(server, agent, jobId, { job_state: word });
      await sendResult(server, agent, jobId, { status: { setup: 3 }, device_info: { agent } });
      await passTime(server, 900);
    }
    const job = await storedJob(server, jobId);
    t.deepEqual(job.result_data, {
      job_state: 'complete',
      status: { setup: 3, [phase]: 75 },
      device_info: { agent: 'c' },
    });
    t.deepEqual(job.lease, { attempt: 3, losses: 3 });
    t.deepEqual(
      job.attempts?.map(({ holder }) => holder),
      ['a', 'b', 'c'],
    );
    t.false('device_info' in (job.attempts?.at(-1) ?? {}), 'data in the result is not stored twice');
    const { log_data: log } = (await readLog(server, jobId))[phase] ?? { log_data: '' };
    t.true(log.endsWith('Queuepass: c was lost, attempt 3 of 3\n'), log);
    t.is(await claim(server), undefined);
  }
});

test('a cancelled job whose holder sends nothing stays cancelled, and loses its holder', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const action = {
    method: 'POST',
    body: '{"action":"cancel"}',
    headers: { 'content-type': 'application/json' },
  };
  t.is((await server.request(`/v1/job/${jobId}/action`, action)).status, 200);
  // The agent keeps the current lease, but its requests do not extend it.
  for (let passed = 0; passed < 880; passed += 220) {
    server.clock.move(220);
    await sendLog(server, 'a', jobId, passed, 'still at it\n');
    await sendResult(server, 'a', jobId, { job_state: 'cleanup' });
  }
  t.is((await storedJob(server, jobId)).lease?.holder, 'a');
  await passTime(server, 21);
  const job = await storedJob(server, jobId);
  t.is(job.result_data.job_state, 'cancelled');
  t.deepEqual(job.lease, { attempt: 1 });
});

test('a job that its agent ends within the lease is not changed by the sweep', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await sendResult(server, 'a', jobId, { job_state: 'complete', status: { test: 0 } });
  await passTime(server, 100_000);
  t.deepEqual((await storedJob(server, jobId)).result_data, { job_state: 'complete', status: { test: 0 } });
});

test('a lost job is withheld from the agent that lost it while another agent of its queue is alive, and goes back to it otherwise', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '3' });
  await addLiveAgent(server, 'a');
  await addLiveAgent(server, 'b');
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(880);
  await claim(server, ['nothing'], 'b');
  await server.deps.agentWatch.round();
  await passTime(server, 20);
  t.is(await claim(server, ['q1'], 'a'), undefined);
  t.is((await claim(server, ['q1'], 'b'))?.job_id, jobId);
  // At the next loss no other agent is alive, so the last holder can claim it again.
  const alone = await submit(server);
  await passTime(server, 900);
  t.is((await claim(server, ['q1'], 'b'))?.job_id, jobId);
  t.is((await claim(server, ['q1'], 'b'))?.job_id, alone);
});

test('once the other agent is offline, the agent that lost the job can claim it', async (t) => {
  const server = await startLeaseServer(t);
  await addLiveAgent(server, 'a');
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  server.clock.move(890);
  await addLiveAgent(server, 'b');
  await passTime(server, 10);
  t.is(await claim(server, ['q1'], 'a'), undefined);
  await asAgent(server, 'b', '/v1/agents/data/b', { state: 'offline' });
  await passTime(server, 5);
  t.is((await claim(server, ['q1'], 'a'))?.job_id, jobId);
});

for (const pause of [15, 16, 1800]) {
  test(`${pause} s without a sweep ${pause > 15 ? 'extend every lease by its own length' : 'do not count as an outage'}`, async (t) => {
    const server = await startLeaseServer(t);
    const jobs = await Promise.all(['test', 'provision', 'cut'].map(() => submit(server)));
    const phases = ['test', 'provision', 'test'];
    for (const [n, jobId] of jobs.entries()) {
      await claim(server, ['q1'], `agent-${n}`);
      await sendResult(server, `agent-${n}`, jobId, { job_state: phases[n] });
    }
    await passTime(server, 890);
    await claim(server, ['q1'], 'agent-2');
    server.clock.move(pause);
    await sweepLeases(server.deps, server.clock.now());
    const stored = await Promise.all(jobs.map((jobId) => storedJob(server, jobId)));
    const left = stored.map(({ lease }) =>
      lease?.until ? (lease.until.getTime() - server.clock.now().getTime()) / 1000 : 'lost',
    );
    const own = 4 * 3600 + 900;
    t.deepEqual(left, pause > 15 ? [900, own, 600] : ['lost', own - 905, 'lost']);
    // The sweeps after that work as usual.
    await passTime(server, 899);
    t.is((await storedJob(server, jobs[0] as string)).result_data.job_state, pause > 15 ? 'test' : 'waiting');
    await passTime(server, 1);
    t.is((await storedJob(server, jobs[0] as string)).result_data.job_state, 'waiting');
  });
}

test('a sweep that was suspended in the middle does not expire leases that ended during that time', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await passTime(server, 5);
  const began = server.clock.now();
  server.clock.move(3600);
  await sweepLeases(server.deps, began);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  await sweepLeases(server.deps, server.clock.now());
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test', 'the next sweep notices the pause');
});

test('the next sweep writes the line about a loss when the process was killed before it wrote it', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await sendLog(server, 'a', jobId, 0, 'a0\n');
  await passTime(server, 900);
  const { logs, jobs } = server.deps.collections;
  t.false('pending_line' in (await storedJob(server, jobId)));
  const line = await logs.findOneAndDelete({ job_id: jobId, attempt: 0 });
  const pending = { phase: 'test', number: line?.fragment_number ?? -1, text: line?.log_data ?? '' };
  await jobs.updateOne({ job_id: jobId }, { $set: { pending_line: pending } });
  await startJob(server, 'b', jobId);
  await sendLog(server, 'b', jobId, 0, 'b0\n');
  await passTime(server, 5);
  await passTime(server, 5);
  const log = (await readLog(server, jobId)).test?.log_data;
  t.is(log, 'a0\nQueuepass: a was lost, attempt 1 of 2\nb0\n');
  t.false('pending_line' in (await storedJob(server, jobId)));
});

test('concurrent sweeps expire a lease once', async (t) => {
  const server = await startLeaseServer(t);
  const ids = await Promise.all(Array.from({ length: 20 }, () => submit(server)));
  for (const [n] of ids.entries()) await claim(server, ['q1'], `a${n}`);
  await passTime(server, 5);
  server.clock.move(895);
  await server.deps.collections.serviceBeats.updateOne(
    { _id: 'sweep_leases' },
    { $set: { last_sweep_at: server.clock.now() } },
  );
  await Promise.all([1, 2, 3].map(() => sweepLeases(server.deps, server.clock.now())));
  for (const jobId of ids) {
    const { attempts, lease } = await storedJob(server, jobId);
    t.is(attempts?.length, 1);
    t.is(lease?.losses, 1);
    t.is((await readLog(server, jobId)).test?.log_data.split('\n').length, 2);
  }
});

test('an attempt whose data would make the job too large is stored without it', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '9' });
  const jobId = await submit(server);
  const large = { x: 'x'.repeat(6 * 1024 * 1024) };
  for (const agent of ['a', 'b', 'c']) {
    await startJob(server, agent, jobId);
    await sendResult(server, agent, jobId, { device_info: large });
    await passTime(server, 900);
  }
  const { attempts } = await storedJob(server, jobId);
  t.deepEqual(
    attempts?.map(({ device_info: info }) => info !== undefined),
    [true, true, false],
  );
});

test('the last ten attempts are kept', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '100' });
  const jobId = await submit(server);
  for (let n = 1; n <= 12; n += 1) {
    await claim(server, ['q1'], 'a');
    await passTime(server, 900);
  }
  const { attempts, lease } = await storedJob(server, jobId);
  t.deepEqual(
    attempts?.map(({ attempt }) => attempt),
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  t.is(lease?.losses, 12);
});

test('the sweep examines only expired leases with 100,000 jobs stored', async (t) => {
  const server = await startServer(t);
  const { jobs } = server.deps.collections;
  const now = new Date();
  const make = (n: number) => {
    const state = ['waiting', 'complete', 'test', 'cancelled'][n % 4] as string;
    const until = new Date(now.getTime() + (n < 40 ? -1000 : 1000 + n));
    return {
      job_id: `j${n}`,
      live: true as const,
      created_at: now,
      job_priority: 0,
      job_data: { job_queue: `q${n % 50}` },
      result_data: { job_state: state },
      ...(state === 'test' && { lease: { holder: 'a', attempt: 1, until } }),
    };
  };
  for (let from = 0; from < 100_000; from += 10_000) {
    await jobs.insertMany(Array.from({ length: 10_000 }, (_, n) => make(from + n)));
  }
  t.is((await findExpired(server.deps, now)).length, 10);
  const { db } = server.deps.connection;
  await db.command({ profile: 2 });
  await sweepLeases(server.deps, new Date(now.getTime() - 10_000));
  await sweepLeases(server.deps, now);
  await db.command({ profile: 0 });
  const finds = await db
    .collection('system.profile')
    .find({ op: 'query', ns: jobs.namespace, 'command.filter.lease.until': { $exists: false } })
    .toArray();
  const sweeps = finds.filter(({ command }) => 'lease.until' in (command.filter as object));
  t.true(sweeps.length >= 2);
  for (const { keysExamined, docsExamined, planSummary, nreturned } of sweeps) {
    t.true(keysExamined <= nreturned + 1, `${keysExamined} keys`);
    t.is(docsExamined, nreturned);
    t.is(planSummary, 'IXSCAN { lease.until: 1 }');
  }
  for (const field of ['lost_holders', 'pending_line']) {
    const others = finds.filter(({ command }) => field in (command.filter as object));
    t.true(others.length >= 2, field);
    for (const { docsExamined, planSummary } of others) {
      t.true(docsExamined <= 10, field);
      t.is(planSummary, `IXSCAN { ${field}: 1 }`);
    }
  }
});

test('an excluded agent, and an agent without a request for three minutes, do not keep a lost job from the agent that lost it', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '9' });
  await addLiveAgent(server, 'a');
  const jobId = await submit(server, { exclude_agents: ['excluded'] });
  for (const name of ['excluded', 'silent']) {
    await startJob(server, 'a', jobId);
    server.clock.move(name === 'silent' ? 719 : 890);
    await addLiveAgent(server, name);
    await passTime(server, name === 'silent' ? 181 : 10);
    t.is((await storedJob(server, jobId)).lost_holders, undefined, name);
  }
  t.is((await claim(server, ['q1'], 'a'))?.job_id, jobId);
});

test('a job of nearly 16 MiB that could never be claimed is refused at once', async (t) => {
  const server = await startLeaseServer(t);
  const response = await server.request(
    '/v1/job',
    jsonBody({ job_queue: 'q1', name: 'x'.repeat(16_776_000) }),
  );
  t.is(response.status, 413);
});

test('a job as the API returns it, with its lease and lost attempts, can be submitted again', async (t) => {
  const server = await startLeaseServer(t);
  const first = await submit(server, { name: 'a name' });
  await claim(server, ['q1'], 'a');
  await passTime(server, 900);
  await claim(server, ['q1'], 'b');
  const shown = (await (await server.request(`/v1/job/${first}`)).json()) as Record<string, unknown>;
  t.is((shown.attempts as unknown[]).length, 1);
  t.truthy(shown.lease);
  const { job_id: _id, ...job } = shown;
  const second = await server.request('/v1/job', jsonBody(job));
  t.is(second.status, 200);
  const { job_id: jobId } = (await second.json()) as { job_id: string };
  t.deepEqual(await (await server.request(`/v1/job/${jobId}`)).json(), {
    job_queue: 'q1',
    name: 'a name',
    exclude_agents: [],
    job_id: jobId,
  });
});
