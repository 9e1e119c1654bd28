import test from 'ava';
import { faultsSigningKey, headersOf } from '../support/fault-world.js';
import { startLoneMongod } from '../support/mongod-replica-set.js';
import { waitUntil } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';

test('on a MongoDB without a replica set waiting requests are served by polling, and the server logs it at its start', async (t) => {
  t.timeout(120_000);
  const uri = await startLoneMongod(t);
  const settings = { MONGODB_URI: `${uri}jobs`, JWT_SIGNING_KEY: faultsSigningKey };
  const server = await startServerProcess(t, { settings });
  await waitUntil(() => server.stdout().includes('MongoDB is not a replica set'));
  const headers = { ...headersOf('agent', 'a'), prefer: 'wait=30' };
  const began = performance.now();
  const waiting = server.request('/v1/job?queue=q1', { headers });
  const submitted = await server.request('/v1/job', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"job_queue":"q1"}',
  });
  const { job_id: jobId } = (await submitted.json()) as { job_id: string };
  const claimed = await waiting;
  t.is(claimed.status, 200);
  t.is(((await claimed.json()) as { job_id: string }).job_id, jobId);
  t.true(performance.now() - began < 25_000, 'the claim did not wait until its timeout');
});
