import test from 'ava';
import type { JobRecord } from '../../server/job/job-record.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { readStateAs, sendLog, sendResult } from '../support/leases.js';
import { times } from '../support/recorded-commands.js';
import { readLog } from '../support/results.js';
import { startServer, type TestServer } from '../support/start-server.js';

/** Stores a job under an id that is in use, as a Testflinger server does: beside the earlier document. */
async function submitElsewhere({ deps }: TestServer, jobId: string, age = 0): Promise<void> {
  await deps.collections.jobs.insertOne({
    job_id: jobId,
    created_at: new Date(Date.now() - age),
    job_priority: 0,
    job_data: { job_queue: 'q1' },
    result_data: { job_state: 'waiting' },
  } as JobRecord);
}

/** The documents of an id, the oldest first. */
const documentsOf = ({ deps }: TestServer, jobId: string) =>
  deps.collections.jobs.find({ job_id: jobId }).sort({ created_at: 1, _id: 1 }).toArray();

const statesOf = async (server: TestServer, jobId: string) =>
  (await documentsOf(server, jobId)).map(({ result_data: result }) => result.job_state);

/** A job that agent-1 claimed and completed here. */
async function completeJob(server: TestServer): Promise<string> {
  const jobId = await submit(server);
  await claim(server);
  await sendLog(server, 'agent-1', jobId, 0, 'first run\n');
  await sendResult(server, 'agent-1', jobId, { status: { test: 1 }, job_state: 'complete' });
  return jobId;
}

test('results of a job that was submitted again on a Testflinger server go to the document that its agent holds', async (t) => {
  const server = await startServer(t);
  const jobId = await completeJob(server);
  await submitElsewhere(server, jobId);
  t.is((await claim(server))?.['job_id'], jobId);
  await sendLog(server, 'agent-1', jobId, 0, 'second run\n');
  await sendResult(server, 'agent-1', jobId, { status: { test: 0 }, job_state: 'cleanup' });
  t.deepEqual(await statesOf(server, jobId), ['complete', 'cleanup']);
  t.is(await readStateAs(server, 'agent-1', jobId), 'cleanup');
  t.false((await sendResult(server, 'agent-1', jobId, { job_state: 'complete' })).isDiscarded);
  t.false((await sendResult(server, 'agent-1', jobId, { job_state: 'complete' })).isDiscarded);
  const [earlier, later] = await documentsOf(server, jobId);
  t.like(earlier, { superseded: true, result_data: { job_state: 'complete', status: { test: 1 } } });
  t.like(later, { live: true, result_data: { job_state: 'complete', status: { test: 0 } } });
  t.like(later?.lease, { holder: 'agent-1', attempt: 2, first: 2 });
  t.is((await readLog(server, jobId))['test']?.log_data, 'second run\n');
});

test('the same is true of claims and results of one moment', async (t) => {
  const server = await startServer(t);
  const ids = await Promise.all(times(12, () => submit(server)));
  for (const agent of ['first', 'second']) {
    const claimed = await Promise.all(times(12, (n) => claim(server, ['q1'], `agent-${n}`)));
    const post = (state: string) =>
      Promise.all(
        claimed.map((job, n) =>
          sendResult(server, `agent-${n}`, String(job?.['job_id']), {
            device_info: { agent },
            job_state: state,
          }),
        ),
      );
    await post('test');
    for (const { isDiscarded } of await post('complete')) t.false(isDiscarded);
    if (agent === 'first') await Promise.all(ids.map((id) => submitElsewhere(server, id)));
  }
  for (const id of ids) {
    t.deepEqual(
      (await documentsOf(server, id)).map(({ result_data: result }) => result),
      ['first', 'second'].map((agent) => ({ job_state: 'complete', device_info: { agent } })),
    );
  }
});

test('an agent of the earlier document writes to it until the newer one is claimed, and then has lost the job', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  await claim(server);
  await submitElsewhere(server, jobId);
  await sendResult(server, 'agent-1', jobId, { job_state: 'test' });
  t.deepEqual(await statesOf(server, jobId), ['test', 'waiting']);
  t.is((await claim(server, ['q1'], 'agent-2'))?.['job_id'], jobId);
  t.true((await sendResult(server, 'agent-1', jobId, { job_state: 'complete' })).isDiscarded);
  t.is(await readStateAs(server, 'agent-1', jobId), 'cancelled');
  await sendResult(server, 'agent-2', jobId, { job_state: 'test' });
  t.deepEqual(await statesOf(server, jobId), ['test', 'test']);
});

test('a job that another server claimed is the one that its agent reports about', async (t) => {
  const server = await startServer(t);
  const jobId = await completeJob(server);
  await submitElsewhere(server, jobId);
  const { jobs } = server.deps.collections;
  await jobs.updateOne(
    { job_id: jobId, 'result_data.job_state': 'waiting' },
    { $set: { 'result_data.job_state': 'running' } },
  );
  await sendResult(server, 'agent-1', jobId, { job_state: 'test' });
  t.deepEqual(await statesOf(server, jobId), ['complete', 'test']);
});

test('only the newest of several waiting documents of an id is handed out', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  const { jobs } = server.deps.collections;
  await jobs.deleteMany({});
  await submitElsewhere(server, jobId, 2000);
  await submitElsewhere(server, jobId, 1000);
  t.is((await claim(server))?.['job_id'], jobId);
  t.is(await claim(server), undefined);
  t.deepEqual(await statesOf(server, jobId), ['waiting', 'running']);
});

test('a cancel and a released claim change the newest document', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server);
  await claim(server);
  await submitElsewhere(server, jobId);
  const cancel = { method: 'POST', body: '{"action":"cancel"}' };
  const headers = { 'content-type': 'application/json' };
  t.is((await server.request(`/v1/job/${jobId}/action`, { ...cancel, headers })).status, 200);
  t.deepEqual(await statesOf(server, jobId), ['running', 'cancelled']);
  t.is((await server.request(`/v1/job/${jobId}/action`, { ...cancel, headers })).status, 400);
  t.is((await server.request('/v1/job?queue=q1', { headers: agentHeaders(server) })).status, 204);
});
