import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';

const cancel = (server: TestServer, jobId: string, headers: Record<string, string> = {}) =>
  server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }, headers));

test('with JOB_OWNERSHIP=enforce only the submitter, a manager or an admin can change a job', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'enforce' } });
  const owner = bearer(server, { client_id: 'owner' });
  const jobId = await submit(server, { test_data: { attachments: [{ agent: 'a' }] } }, owner);
  for (const headers of [bearer(server, { client_id: 'other' }), {}]) {
    const refused = await cancel(server, jobId, headers);
    t.is(refused.status, 403);
    t.deepEqual(await refused.json(), { message: 'Not enough permissions on job ID', detail: {} });
    const form = new FormData();
    form.set('file', new Blob(['x']), 'attachments.tar.gz');
    const sent = await server.request(`/v1/job/${jobId}/attachments`, {
      method: 'POST',
      body: form,
      headers,
    });
    t.is(sent.status, 403);
  }
  t.is((await cancel(server, jobId, owner)).status, 200);
  for (const role of ['manager', 'admin']) {
    const another = await submit(server, {}, owner);
    t.is((await cancel(server, another, bearer(server, { client_id: 'boss', role }))).status, 200);
  }
});

test('a job without an owner can be changed by anyone', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'enforce' } });
  const jobId = await submit(server);
  t.is((await cancel(server, jobId, bearer(server, { client_id: 'other' }))).status, 200);
});

test('by default the owner is stored and no client is refused', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, {}, bearer(server, { client_id: 'owner' }));
  t.is((await server.deps.collections.jobs.findOne({ job_id: jobId }))?.submitted_by, 'owner');
  t.is((await cancel(server, jobId, bearer(server, { client_id: 'other' }))).status, 200);
});

test('a request that is refused because another client owns the job is in the security log', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'enforce' } });
  const jobId = await submit(server, {}, bearer(server, { client_id: 'owner' }));
  await cancel(server, jobId, bearer(server, { client_id: 'other' }));
  const events = server.logged.filter(({ log }) => log === 'security');
  t.like(events[0], { event: 'role_refused', outcome: 'refused', actor: 'other', reason: 'job_not_owned' });
});
