import test from 'ava';
import type { Document } from 'mongodb';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { passTime, sendResult, startJob, startLeaseServer, storedJob } from '../support/leases.js';
import { startRecording, times } from '../support/recorded-commands.js';

test('a job has the time at which it first entered each phase, and the time of its end', async (t) => {
  const server = await startLeaseServer(t);
  const now = () => server.clock.now();
  const jobId = await submit(server);
  t.deepEqual([await storedJob(server, jobId)].map(readTimes), [{}]);
  await startJob(server, 'a', jobId, 'setup');
  const setup = now();
  server.clock.move(10);
  await sendResult(server, 'a', jobId, { job_state: 'provision', status: { setup: 0 } });
  const provision = now();
  server.clock.move(10);
  await sendResult(server, 'a', jobId, { job_state: 'provision' });
  await sendResult(server, 'a', jobId, { job_state: 'allocated' });
  const allocate = now();
  for (const state of ['$odd.name', 'constructor'])
    await sendResult(server, 'a', jobId, { job_state: state });
  await sendResult(server, 'a', jobId, { status: { test: 0 } });
  t.deepEqual(readTimes(await storedJob(server, jobId)), { phase_times: { setup, provision, allocate } });
  server.clock.move(10);
  await sendResult(server, 'a', jobId, { job_state: 'complete' });
  const ended_at = now();
  server.clock.move(10);
  for (const state of ['complete', 'cleanup']) await sendResult(server, 'a', jobId, { job_state: state });
  t.deepEqual(readTimes(await storedJob(server, jobId)), {
    phase_times: { setup, provision, allocate },
    ended_at,
  });
});

test('a cancelled job ended when it was cancelled, whatever its agent reports afterwards', async (t) => {
  const server = await startLeaseServer(t);
  const waiting = await submit(server);
  const held = await submit(server, { job_priority: 0 });
  const cancel = (jobId: string) => server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }));
  t.is((await cancel(waiting)).status, 200);
  t.deepEqual(readTimes(await storedJob(server, waiting)), { ended_at: server.clock.now() });
  await startJob(server, 'a', held, 'setup');
  const setup = server.clock.now();
  server.clock.move(10);
  t.is((await cancel(held)).status, 200);
  const expected = { phase_times: { setup }, ended_at: server.clock.now() };
  server.clock.move(10);
  await sendResult(server, 'a', held, { job_state: 'cleanup' });
  t.deepEqual(readTimes(await storedJob(server, held)), expected);
  await sendResult(server, 'a', held, { job_state: 'complete' });
  t.deepEqual(readTimes(await storedJob(server, held)), expected);
});

test('a cancelled job that its agent never ends keeps the time of the cancel', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId, 'setup');
  const at = server.clock.now();
  await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }));
  await passTime(server, 7 * 24 * 3600);
  const job = await storedJob(server, jobId);
  t.is(job.lease?.holder, undefined);
  t.deepEqual(readTimes(job), { phase_times: { setup: at }, ended_at: at });
});

test('each attempt has its own times, also one that its agent gets back, and the last loss ends the job', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId, 'setup');
  const first = { phase_times: { setup: server.clock.now() } };
  await passTime(server, 7200);
  t.deepEqual(readTimes(await storedJob(server, jobId)), {});
  t.deepEqual((await storedJob(server, jobId)).attempts?.map(readPhaseTimes), [first]);
  await sendResult(server, 'a', jobId, { status: { setup: 0 } });
  t.deepEqual(readTimes(await storedJob(server, jobId)), first, 'the agent got its attempt back');
  await passTime(server, 7200);
  await startJob(server, 'b', jobId, 'test');
  const second = { phase_times: { test: server.clock.now() } };
  t.deepEqual(readTimes(await storedJob(server, jobId)), second);
  await passTime(server, 7200);
  const job = await storedJob(server, jobId);
  t.is(job.result_data.job_state, 'complete');
  t.deepEqual(readTimes(job), { ...second, ended_at: server.clock.now() });
  t.deepEqual(readPhaseTimes(job.attempts?.[0] ?? {}), first);
});

test('a job that is submitted again has no times, and its earlier attempts keep theirs', async (t) => {
  const server = await startLeaseServer(t);
  const owner = bearer(server, { client_id: 'owner' });
  const jobId = await submit(server, {}, owner);
  let expected: unknown[] = [];
  for (const agent of ['a', 'b']) {
    await startJob(server, agent, jobId, 'setup');
    expected = [...expected, { phase_times: { setup: server.clock.now() } }];
    server.clock.move(10);
    if (agent === 'a') await sendResult(server, agent, jobId, { job_state: 'complete' });
    await submit(server, { job_id: jobId }, owner);
    const job = await storedJob(server, jobId);
    t.deepEqual(readTimes(job), {});
    t.deepEqual(job.attempts?.map(readPhaseTimes), expected);
  }
});

test('a claim starts the times anew, alone and together with other claims', async (t) => {
  const server = await startLeaseServer(t, { AGENT_LEASES: 'off' });
  const ids = await Promise.all(times(5, () => submit(server)));
  const { jobs } = server.deps.collections;
  // As an agent without a lease leaves a job that it reports as waiting.
  const left = { phase_times: { setup: new Date(0) } };
  await jobs.updateMany({}, { $set: left });
  await claim(server, ['q1'], 'a');
  await Promise.all(times(4, (n) => claim(server, ['q1'], `agent-${n}`)));
  for (const jobId of ids) {
    const job = await storedJob(server, jobId);
    t.is(job.result_data.job_state, 'running');
    t.deepEqual(readTimes(job), {});
  }
});

test('a result from a sender that is not an agent stores the times too', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  const { cookie: _cookie, ...headers } = agentHeaders(server);
  const at = server.clock.now();
  for (const state of ['reserve', 'complete']) {
    const response = await server.request(`/v1/result/${jobId}`, jsonBody({ job_state: state }, headers));
    t.is(response.status, 200);
  }
  t.deepEqual(readTimes(await storedJob(server, jobId)), { phase_times: { reserve: at }, ended_at: at });
});

test('equal phases of one moment share a statement, and no response contains the times', async (t) => {
  const server = await startRecording(t);
  const ids = await Promise.all(times(12, () => submit(server)));
  await Promise.all(ids.map((_, n) => claim(server, ['q1'], `agent-${n}`)));
  const held = await server.deps.collections.jobs.find().toArray();
  let statements = 0;
  server.deps.connection.client.on('commandStarted', ({ commandName, command }) => {
    if (commandName === 'update' && command['update'] === 'jobs')
      statements += (command['updates'] as Document[]).length;
  });
  const post = (state: string) =>
    Promise.all(
      held.map(({ job_id: id, lease }) => sendResult(server, lease?.holder ?? '', id, { job_state: state })),
    );
  const before = Date.now();
  await post('setup');
  t.true(statements < 12, `${statements}`);
  await post('complete');
  const [{ job_id: jobId } = { job_id: '' }] = held;
  const { phase_times: phaseTimes, ended_at: endedAt } = await storedJob(server, jobId);
  t.true(Math.abs((phaseTimes?.setup?.getTime() ?? 0) - before) < 5000);
  t.true((endedAt?.getTime() ?? 0) >= (phaseTimes?.setup?.getTime() ?? Number.POSITIVE_INFINITY));
  for (const path of [`/v1/job/${jobId}`, `/v1/result/${jobId}`, '/v1/job/search'])
    t.notRegex(await (await server.request(path)).text(), /phase_times|ended_at/);
});

/** The times of a stored job. */
function readTimes({ phase_times, ended_at }: { phase_times?: object; ended_at?: Date }): object {
  return { ...readPhaseTimes({ phase_times }), ...(ended_at && { ended_at }) };
}

function readPhaseTimes({ phase_times }: { phase_times?: object | undefined }): object {
  return phase_times === undefined ? {} : { phase_times };
}
