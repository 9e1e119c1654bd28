import test, { type ExecutionContext } from 'ava';
import { Sealer } from '../../server/crypto/sealer.js';
import { JobMasks } from '../../server/scrubbing/job-masks.js';
import { bearer, jsonBody } from '../support/clients.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';
import { claim, submit } from '../support/jobs.js';
import {
  asAgent,
  type LeaseServer,
  passTime,
  sendLog,
  sendResult,
  startLeaseServer,
  storedJob,
} from '../support/leases.js';
import { readLog, readResult } from '../support/results.js';
import { putSecret, submitWith } from '../support/secrets.js';

const settings = { TESTFLINGER_SECRETS_MASTER_KEY: readCsfleVectors().masterKeyText };
const secret = 'k3y-With-odd-chars-40-characters-abcdefg';
const owner = (server: LeaseServer) => bearer(server, { client_id: 'ci' });

async function claimWith(
  t: ExecutionContext,
  value = secret,
): Promise<{ server: LeaseServer; jobId: string }> {
  const server = await startLeaseServer(t, settings);
  await putSecret(server, 'ci/TOKEN', { value });
  await submitWith(server, { TOKEN: 'TOKEN' });
  return { server, jobId: (await claim(server, ['q1'], 'a'))?.job_id as string };
}

/** Drops the cached maskers, as in another process that has made none yet. */
function forgetMaskers(server: LeaseServer, key = server.deps.config.secretsMasterKey as Buffer): void {
  const sealer = new Sealer('job masks', [key]);
  const { collections, log } = server.deps;
  server.deps.jobMasks = new JobMasks(collections.jobMasks, sealer, server.clock, log);
}

test('a fragment after the status of its phase does not complete a secret together with the fragment before', async (t) => {
  const { server, jobId } = await claimWith(t);
  await sendLog(server, 'a', jobId, 0, `x ${secret.slice(0, 20)}`);
  await sendResult(server, 'a', jobId, { status: { test: 0 }, job_state: 'test' });
  await sendLog(server, 'a', jobId, 1, `${secret.slice(20)} rest`);
  const { test: log } = await readLog(server, jobId);
  t.is(log?.log_data, `x ${secret.slice(0, 20)} rest`);
});

test('a refused resubmission does not change the current run', async (t) => {
  const { server, jobId } = await claimWith(t);
  await sendResult(server, 'a', jobId, { job_state: 'test' });
  await sendLog(server, 'a', jobId, 0, 'before\n');
  // It is larger in BSON than in JSON, and larger than the maximum document size.
  const tags = Array.from({ length: 49_000 }, () => 'x'.repeat(336));
  const job = { job_queue: 'q1', job_id: jobId, test_data: { secrets: { TOKEN: 'TOKEN' } }, tags };
  t.is((await server.request('/v1/job', jsonBody(job, owner(server)))).status, 413);
  forgetMaskers(server);
  await sendLog(server, 'a', jobId, 1, `export ${secret}\n`);
  t.is((await readLog(server, jobId)).test?.log_data, 'before\nexport ***\n');
});

test('after a resubmission without secrets, data from the old holder is masked with the secrets of its run', async (t) => {
  const { server, jobId } = await claimWith(t);
  await asAgent(server, 'a', '/v1/agents/data/a', { job_id: jobId });
  await sendResult(server, 'a', jobId, { job_state: 'test' });
  await submit(server, { job_id: jobId }, owner(server));
  forgetMaskers(server);
  t.true((await sendLog(server, 'a', jobId, 0, `export ${secret}\n`)).isDiscarded);
  await asAgent(server, 'a', '/v1/agents/data/a', { comment: `c ${secret}`, log: [secret] });
  await asAgent(server, 'a', '/v1/agents/provision_logs/a', { job_id: jobId, exit_code: 0, detail: secret });
  const { agents, provisionLogs, jobMasks } = server.deps.collections;
  const stored = [
    await storedJob(server, jobId),
    await agents.find().toArray(),
    await provisionLogs.find().toArray(),
  ];
  t.false(JSON.stringify(stored).includes(secret));
  t.true(JSON.stringify(stored).includes('export ***'));
  await jobMasks.deleteMany({});
  forgetMaskers(server);
  await sendLog(server, 'a', jobId, 1, `again ${secret}\n`);
  t.false(
    JSON.stringify(await storedJob(server, jobId)).includes('again'),
    'without its masks the data is not stored',
  );
});

for (const value of ['test', 'complete', 'status']) {
  test(`a secret with the value ${value} does not prevent a job from ending`, async (t) => {
    const { server, jobId } = await claimWith(t, value);
    await sendResult(server, 'a', jobId, { job_state: 'test' });
    await sendResult(server, 'a', jobId, { status: { test: 0 }, device_info: { d: value } });
    await sendResult(server, 'a', jobId, { job_state: 'complete' });
    t.deepEqual(await readResult(server, jobId), {
      job_state: 'complete',
      test_status: 0,
      device_info: { d: '***' },
    });
  });
}

test('when the secrets of a job cannot be decrypted or are deleted, texts are withheld and the job continues', async (t) => {
  const { server, jobId } = await claimWith(t);
  for (const lose of [
    () => Promise.resolve(forgetMaskers(server, Buffer.alloc(96, 7))),
    () => server.deps.collections.jobMasks.deleteMany({}).then(() => forgetMaskers(server)),
  ]) {
    await lose();
    await sendLog(server, 'a', jobId, 0, `export ${secret}\n`);
    await sendResult(server, 'a', jobId, {
      status: { test: 0 },
      job_state: 'test',
      device_info: { d: secret },
    });
    const { device_info: device, ...result } = await readResult(server, jobId);
    t.deepEqual(result, { job_state: 'test', test_status: 0, test_output: '***\n' });
    t.deepEqual(device, { '***': '***' });
  }
});

test('a cancelled job whose lease has expired releases the end of its log, and its secrets expire', async (t) => {
  const { server, jobId } = await claimWith(t);
  await sendLog(server, 'a', jobId, 0, `tail ${secret.slice(0, 5)}`);
  await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }, owner(server)));
  await passTime(server, 900);
  t.is((await readLog(server, jobId)).test?.log_data, `tail ${secret.slice(0, 5)}`);
  const { jobMasks } = server.deps.collections;
  const left = async () =>
    (((await jobMasks.findOne({}))?.expire_at.getTime() ?? 0) - server.clock.now().getTime()) / 1000;
  t.is(await left(), 3600);
  const waiting = await claimWith(t);
  await passTime(waiting.server, 900);
  await waiting.server.request(
    `/v1/job/${waiting.jobId}/action`,
    jsonBody({ action: 'cancel' }, owner(waiting.server)),
  );
  const masks = await waiting.server.deps.collections.jobMasks.findOne({});
  t.is((masks?.expire_at.getTime() ?? 0) - waiting.server.clock.now().getTime(), 3600_000);
});

test('a masker that is made while a claim is in progress is not cached', async (t) => {
  const { server, jobId } = await claimWith(t);
  await passTime(server, 900);
  await putSecret(server, 'ci/TOKEN', { value: 'a rotated secret value' });
  const masks = server.deps.jobMasks;
  await masks.add(jobId, 2, [{ path: 'other', value: 'an ephemeral value', ephemeral: true }], false);
  t.truthy(await masks.findForAttempt(jobId, 2));
  await claim(server, ['q1'], 'b');
  await sendLog(server, 'b', jobId, 0, 'export a rotated secret value\n');
  t.true((await readLog(server, jobId)).test?.log_data.endsWith('export ***\n'));
});

test('secrets that exceed 256 KiB in total are not passed to the job, and do not block it', async (t) => {
  const server = await startLeaseServer(t, settings);
  const named: Record<string, string> = {};
  for (const n of [0, 1, 2]) {
    await putSecret(server, `ci/S${n}`, { value: String(n).repeat(100_000) });
    named[`S${n}`] = `S${n}`;
  }
  await submitWith(server, named);
  const job = await claim(server, ['q1'], 'a');
  const given = (job?.test_data as { secrets: Record<string, string> }).secrets;
  t.is(Object.values(given).filter((value) => value.length === 100_000).length, 2);
  t.true(server.logged.some(({ msg }) => /256|262144/.test(String(msg))));
});
