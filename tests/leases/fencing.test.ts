import test, { type ExecutionContext } from 'ava';
import { multipartFile } from '../actors/stock-session.js';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import {
  asAgent,
  type LeaseServer,
  passTime,
  readStateAs,
  sendLog,
  sendResult,
  startJob,
  startLeaseServer,
  storedJob,
} from '../support/leases.js';
import { waitUntil } from '../support/own-mongod.js';
import { readLog, readResult } from '../support/results.js';

/** Uploads an artifact as an agent. */
async function sendArtifact(server: LeaseServer, agent: string, jobId: string, content: string) {
  const file = multipartFile(Buffer.from(content), 'artifact.tar.gz', 'application/x-gzip');
  const { 'content-length': _length, ...type } = file.headers;
  const response = await server.request(`/v1/result/${jobId}/artifact`, {
    method: 'POST',
    body: new Uint8Array(file.body),
    headers: { ...agentHeaders(server, agent), ...type },
  });
  return {
    status: response.status,
    text: await response.text(),
    isDiscarded: response.headers.has('queuepass-discarded'),
  };
}

/** Counts the stored artifacts of a job. */
async function countArtifacts(server: LeaseServer, jobId: string): Promise<number> {
  return server.deps.collections.files.countDocuments({ filename: `${jobId}.artifact` });
}

/** Makes a job that `a` held in `test` and lost, and that `b` now holds in `setup`. */
async function loseJob(t: ExecutionContext, server: LeaseServer): Promise<string> {
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await sendResult(server, 'a', jobId, { status: { setup: 1 } });
  await sendLog(server, 'a', jobId, 0, 'of a\n');
  await passTime(server, 900);
  await startJob(server, 'b', jobId, 'setup');
  t.is((await storedJob(server, jobId)).lease?.holder, 'b');
  return jobId;
}

const discarded = { status: 200, text: 'OK', isDiscarded: true };
const accepted = { status: 200, text: 'OK', isDiscarded: false };

test('data that an agent sends for a job that another agent holds now gets 200, and does not change the job', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await loseJob(t, server);
  await sendResult(server, 'b', jobId, { status: { setup: 0 }, device_info: { of: 'b' } });
  const before = await storedJob(server, jobId);
  const outcome = { status: { setup: 1, test: 1 }, device_info: { of: 'a' }, job_state: 'complete' };
  t.deepEqual(await sendLog(server, 'a', jobId, 1, 'late\n'), discarded);
  t.deepEqual(await sendArtifact(server, 'a', jobId, 'of a'), discarded);
  t.deepEqual(await sendResult(server, 'a', jobId, outcome), discarded);
  t.deepEqual(await sendResult(server, 'a', jobId, outcome), discarded, 'sent again');
  const events = { job_status_webhook: 'http://127.0.0.1:1/', events: [] };
  t.deepEqual(await asAgent(server, 'a', `/v1/job/${jobId}/events`, events), discarded);
  const { attempts, ...after } = await storedJob(server, jobId);
  const { attempts: _attempts, ...expected } = before;
  t.deepEqual(after, expected);
  t.is(await countArtifacts(server, jobId), 0);
  t.is((await readLog(server, jobId)).test?.log_data, 'of a\nQueuepass: a was lost, attempt 1 of 2\n');
  const kept =
    attempts?.[0]?.late?.map(({ kind, text }) => [kind, JSON.parse(text) as object] as const) ?? [];
  t.deepEqual(kept[2], ['result', outcome]);
  t.is(kept[0]?.[0], 'log');
  t.like(kept[0]?.[1], { log_type: 'output', fragment_number: 1, phase: 'test', log_data: 'late\n' });
  t.deepEqual(kept[1], ['artifact', { base64: Buffer.from('of a').toString('base64') }]);
  t.deepEqual(
    kept.map(([kind]) => kind),
    ['log', 'artifact', 'result', 'events'],
  );
});

test('for a large late artifact only the fact that it arrived is stored', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await loseJob(t, server);
  t.deepEqual(await sendArtifact(server, 'a', jobId, 'x'.repeat(3_000_000)), discarded);
  t.is(await countArtifacts(server, jobId), 0);
  const { attempts } = await storedJob(server, jobId);
  t.deepEqual(attempts?.[0]?.late, [{ kind: 'artifact', text: '{"more_than_bytes":46080}' }]);
});

test('an agent that lost its job sees it as cancelled, and no other client does', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await loseJob(t, server);
  t.is(await readStateAs(server, 'a', jobId), 'cancelled');
  t.is(await readStateAs(server, 'b', jobId), 'setup');
  t.is(await readStateAs(server, 'c', jobId), 'setup');
  t.is((await readResult(server, jobId)).job_state, 'setup');
  const person = { headers: { ...bearer(server, { role: 'contributor' }), cookie: 'agent_name=a' } };
  const answer = await server.request(`/v1/result/${jobId}`, person);
  t.is(((await answer.json()) as { job_state: string }).job_state, 'setup');
});

test('64 KiB of late data is stored, and the rest is not', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await loseJob(t, server);
  for (let n = 1; n <= 8; n += 1)
    t.true((await sendLog(server, 'a', jobId, n, 'x'.repeat(10_000))).isDiscarded);
  t.true((await sendLog(server, 'a', jobId, 9, 'short')).isDiscarded);
  const { attempts } = await storedJob(server, jobId);
  const late = attempts?.[0]?.late ?? [];
  t.is(late.length, 7);
  t.true((attempts?.[0]?.late_bytes ?? 0) <= 64 * 1024);
  t.true(late.at(-1)?.text.includes('short'));
});

test('a lost job that no other agent has claimed is restored unchanged to the agent that lost it, with its next request', async (t) => {
  const server = await startLeaseServer(t);
  const requests: Record<string, (jobId: string, n: number) => Promise<unknown>> = {
    log: (jobId, n) => sendLog(server, 'a', jobId, n, 'on\n'),
    result: (jobId) => sendResult(server, 'a', jobId, { status: { setup: 0, provision: 0 } }),
    'get result': (jobId) => readStateAs(server, 'a', jobId),
    attachments: (jobId) => asAgent(server, 'a', `/v1/job/${jobId}/attachments`),
    artifact: (jobId) => sendArtifact(server, 'a', jobId, 'x'),
    'provision log': async (jobId) => {
      await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test' });
      return asAgent(server, 'a', '/v1/agents/provision_logs/a', { job_id: jobId, exit_code: 0 });
    },
  };
  for (const [name, send] of Object.entries(requests)) {
    const jobId = await submit(server);
    await startJob(server, 'a', jobId);
    await sendResult(server, 'a', jobId, { status: { setup: 0, provision: 0 }, device_info: { d: 1 } });
    await sendLog(server, 'a', jobId, 0, 'before\n');
    const { lost_holders: _none, ...before } = await storedJob(server, jobId);
    await passTime(server, 900);
    t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting', name);
    await send(jobId, 1);
    const {
      log_segments: segments,
      lost_holders: lost,
      artifact_file: _file,
      wake_at: _wake,
      ...after
    } = await storedJob(server, jobId);
    const until = new Date(server.clock.now().getTime() + 900_000);
    t.deepEqual(
      after,
      { ...before, lease: { holder: 'a', client_id: 'client of a', attempt: 1, losses: 0, until } } as never,
      name,
    );
    t.deepEqual(lost, [], name);
    t.is(segments?.length, 1, name);
    t.is(await claim(server, ['q1'], 'b'), undefined, name);
    if (name !== 'log') await sendLog(server, 'a', jobId, 1, 'on\n');
    await sendLog(server, 'a', jobId, 0, 'before\n');
    await sendLog(server, 'a', jobId, 1, 'on\n');
    await sendLog(server, 'a', jobId, 2, 'end\n');
    const { test: log } = await readLog(server, jobId);
    const line = 'Queuepass: a was lost, attempt 1 of 2\n';
    t.deepEqual(log, { last_fragment_number: 4 - 1, log_data: `before\n${line}on\nend\n` }, name);
    t.is((await readLog(server, jobId, '?start_fragment=2')).test?.log_data, 'on\nend\n', name);
    await sendResult(server, 'a', jobId, { job_state: 'complete' });
  }
});

test('the artifact of a lost attempt does not belong to the next one, and is restored together with the job', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '3' });
  const jobId = await submit(server);
  const read = async () => {
    const response = await server.request(`/v1/result/${jobId}/artifact`);
    return [
      response.status,
      response.status === 204 ? '' : (await storedJob(server, jobId)).artifact_file !== undefined,
    ];
  };
  await startJob(server, 'a', jobId);
  await sendArtifact(server, 'a', jobId, 'of a');
  await passTime(server, 900);
  t.deepEqual(await read(), [204, '']);
  t.deepEqual(await sendResult(server, 'a', jobId, { job_state: 'cleanup' }), accepted);
  t.deepEqual(await read(), [200, true]);
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  t.deepEqual(await read(), [204, '']);
  await sendResult(server, 'b', jobId, { job_state: 'complete' });
  t.deepEqual(await read(), [204, '']);
});

test('a job that is lost and restored repeatedly keeps its complete log', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '2' });
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  const line = 'Queuepass: a was lost, attempt 1 of 2\n';
  let expected = '';
  for (let n = 0; n < 6; n += 2) {
    await sendLog(server, 'a', jobId, n, `${n}\n`);
    await passTime(server, 900);
    await sendLog(server, 'a', jobId, n, `${n}\n`);
    await sendLog(server, 'a', jobId, n + 1, `${n + 1}\n`);
    expected += `${n}\n${line}${n + 1}\n`;
  }
  t.is((await readLog(server, jobId)).test?.log_data, expected);
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  await sendLog(server, 'b', jobId, 0, 'b\n');
  t.is((await readLog(server, jobId)).test?.log_data, `${expected}${line}b\n`);
});

test('a request about its own data does not restore a lost job to an agent, since the agent may have been restarted', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await asAgent(server, 'a', '/v1/agents/data/a', { state: 'test', job_id: jobId });
  await startJob(server, 'a', jobId);
  await passTime(server, 900);
  await server.deps.agentWatch.round();
  await asAgent(server, 'a', '/v1/agents/data/a', { state: 'waiting' });
  await asAgent(server, 'a', '/v1/agents/data/a');
  t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting');
});

test('only the last agent that lost a job gets it back', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '5' });
  const jobId = await loseJob(t, server);
  await passTime(server, 900);
  t.true((await sendResult(server, 'a', jobId, { job_state: 'test' })).isDiscarded);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting');
  t.deepEqual(await sendResult(server, 'b', jobId, { job_state: 'test' }), accepted);
  t.is((await storedJob(server, jobId)).lease?.holder, 'b');
});

test('a job that ended by expiry is not changed by the agent that lost it, and that agent sees it as cancelled', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '1' });
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await passTime(server, 900);
  t.deepEqual(
    await sendResult(server, 'a', jobId, { status: { test: 0 }, job_state: 'complete' }),
    discarded,
  );
  t.deepEqual(await sendArtifact(server, 'a', jobId, 'of a'), discarded);
  t.is(await readStateAs(server, 'a', jobId), 'cancelled');
  t.deepEqual((await storedJob(server, jobId)).result_data, { job_state: 'complete', status: { test: 75 } });
});

test('data from the holder is always accepted, also after a cancel and after the end of the job', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }));
  t.deepEqual(
    await sendResult(server, 'a', jobId, { status: { test: 247 }, job_state: 'cleanup' }),
    accepted,
  );
  t.is((await storedJob(server, jobId)).result_data.job_state, 'cancelled');
  t.deepEqual(await sendResult(server, 'a', jobId, { job_state: 'complete' }), accepted);
  t.deepEqual(await sendLog(server, 'a', jobId, 0, 'after the end\n'), accepted);
  t.deepEqual(await sendArtifact(server, 'a', jobId, 'x'), accepted);
  await passTime(server, 10_000);
  const { result_data: result } = await storedJob(server, jobId);
  t.deepEqual(result, { job_state: 'complete', status: { test: 247 } });
});

test('a resubmitted job starts without old data, and data from the holder of the old run does not reach the new run', async (t) => {
  const server = await startLeaseServer(t);
  const owner = bearer(server, { client_id: 'ci' });
  const jobId = await submit(server, {}, owner);
  await startJob(server, 'a', jobId);
  await sendLog(server, 'a', jobId, 0, 'old\n');
  await submit(server, { job_id: jobId }, owner);
  t.deepEqual(await sendLog(server, 'a', jobId, 1, 'late\n'), discarded);
  t.deepEqual(await sendResult(server, 'a', jobId, { job_state: 'test' }), discarded);
  t.is(await readStateAs(server, 'a', jobId), 'cancelled');
  t.is((await storedJob(server, jobId)).result_data.job_state, 'waiting');
  // Simulates a write of a request that was in flight when the id was submitted again.
  const stray = { job_id: jobId, log_type: 'output', live: true as const, phase: 'test', fragment_number: 0 };
  const date = new Date();
  await server.deps.collections.logs.insertOne({
    ...stray,
    timestamp: date,
    updated_at: date,
    log_data: 'stray\n',
  });
  await startJob(server, 'b', jobId);
  t.deepEqual(await sendLog(server, 'b', jobId, 0, 'new\n'), accepted);
  t.deepEqual(await sendResult(server, 'a', jobId, { job_state: 'complete' }), discarded);
  t.deepEqual(await readResult(server, jobId), { job_state: 'test', test_output: 'new\n' });
  t.deepEqual(
    (await storedJob(server, jobId)).attempts?.map(({ holder, reason }) => [holder, reason]),
    [['a', 'resubmitted']],
  );
});

test('a log fragment of a lost attempt that was in flight does not appear in the log of the next attempt', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await sendLog(server, 'a', jobId, 0, 'a0\n');
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  const date = new Date();
  // Simulates a server that checked the lease before it ended and writes afterwards.
  for (const number of [1, 2, 3]) {
    await server.deps.collections.logs.insertOne({
      job_id: jobId,
      log_type: 'output',
      live: true,
      phase: 'test',
      fragment_number: number,
      timestamp: date,
      updated_at: date,
      log_data: `late ${number}\n`,
    });
  }
  for (const n of [0, 1, 2]) await sendLog(server, 'b', jobId, n, `b${n}\n`);
  const { test: log } = await readLog(server, jobId);
  t.is(log?.last_fragment_number, 4);
  t.is(log?.log_data.replace('late 1\n', ''), 'a0\nQueuepass: a was lost, attempt 1 of 2\nb0\nb1\nb2\n');
});

test('an artifact whose upload takes longer than the lease does not become the artifact of the job', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  let finish = (): void => undefined;
  const gate = new Promise<void>((done) => (finish = done));
  const file = multipartFile(Buffer.alloc(12_000_000, 'a'), 'artifact.tar.gz', 'application/x-gzip');
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(file.body.subarray(0, 9_000_000));
      await gate;
      controller.enqueue(file.body.subarray(9_000_000));
      controller.close();
    },
  });
  const { 'content-length': _length, ...type } = file.headers;
  const upload = server.request(`/v1/result/${jobId}/artifact`, {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { ...agentHeaders(server, 'a'), ...type },
  } as RequestInit);
  upload.catch(() => undefined);
  await waitUntil(async () => (await server.deps.collections.fileChunks.countDocuments()) > 0);
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  t.deepEqual(await sendArtifact(server, 'b', jobId, 'of b'), accepted);
  finish();
  const answer = await upload;
  t.is(answer.headers.get('queuepass-discarded'), 'lease-lost');
  t.is(await countArtifacts(server, jobId), 1);
  const shown = await server.deps.collections.files.findOne({ filename: `${jobId}.artifact` });
  t.is(shown?.length, 4);
});

test('an agent that never held a job cannot write to it, and the attempt is logged', async (t) => {
  const server = await startLeaseServer(t);
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  t.deepEqual(await sendResult(server, 'x', jobId, { job_state: 'complete' }), discarded);
  t.is((await storedJob(server, jobId)).result_data.job_state, 'test');
  t.is((await storedJob(server, jobId)).attempts, undefined);
  const events = server.logged.filter(({ event }) => event === 'agent_binding');
  t.deepEqual(
    events.map(({ outcome, reason }) => [outcome, reason]),
    [['refused', 'job_not_held']],
  );
});
