import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { claim, submit } from '../support/jobs.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { countFiles, makeBytes, upload } from '../support/uploads.js';

type Headers = Record<string, string>;

const notOwned = [403, '{"message":"Not enough permissions on job ID","detail":{}}'];
const awaiting = { test_data: { attachments: [{ agent: 'a' }] } };

async function answerOf(response: Response): Promise<[number, string]> {
  return [response.status, await response.text()];
}

const cancel = async (server: TestServer, jobId: string, headers: Headers = {}) =>
  answerOf(await server.request(`/v1/job/${jobId}/action`, jsonBody({ action: 'cancel' }, headers)));

const attach = async (server: TestServer, jobId: string, headers: Headers = {}) =>
  answerOf(await server.request(`/v1/job/${jobId}/attachments`, upload(makeBytes(10), headers)));

/** The security events, except that of each cancel. */
const securityEvents = (server: TestServer) =>
  server.logged.filter(({ log, event }) => log === 'security' && event !== 'job_cancelled');

test('by default only the submitter, a manager or an admin can cancel a job and send its attachments', async (t) => {
  const server = await startServer(t);
  const owner = bearer(server, { client_id: 'owner' });
  const jobId = await submit(server, awaiting, owner);
  for (const headers of [bearer(server, { client_id: 'other' }), {}]) {
    t.deepEqual(await attach(server, jobId, headers), notOwned);
    t.deepEqual(await cancel(server, jobId, headers), notOwned);
  }
  t.deepEqual(await countFiles(server), [0, 0]);
  t.is(await claim(server), undefined);
  t.deepEqual(await attach(server, jobId, owner), [200, 'OK']);
  t.deepEqual(await cancel(server, jobId, owner), [200, 'OK']);
  for (const role of ['manager', 'admin']) {
    const headers = bearer(server, { client_id: 'boss', role });
    const another = await submit(server, awaiting, owner);
    t.deepEqual(await attach(server, another, headers), [200, 'OK'], role);
    t.deepEqual(await cancel(server, another, headers), [200, 'OK'], role);
  }
});

test('each refusal is in the security log', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, awaiting, bearer(server, { client_id: 'owner' }));
  await cancel(server, jobId, bearer(server, { client_id: 'other' }));
  await attach(server, jobId);
  const events = securityEvents(server);
  t.is(events.length, 2);
  t.like(events[0], {
    event: 'role_refused',
    outcome: 'refused',
    actor: 'other',
    target: 'POST /v1/job/{job_id}/action',
    reason: 'job_not_owned',
  });
  t.like(events[1], { target: 'POST /v1/job/{job_id}/attachments', reason: 'job_not_owned' });
  t.false('actor' in (events[1] ?? {}));
});

test('a job of an anonymous submitter can be changed by anyone', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, awaiting);
  t.deepEqual(await attach(server, jobId), [200, 'OK']);
  t.deepEqual(await cancel(server, jobId, bearer(server, { client_id: 'other' })), [200, 'OK']);
  t.deepEqual(securityEvents(server), []);
});

test('with JOB_OWNERSHIP=record a request without credentials is accepted and logged, and one of another client is refused', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'record' } });
  const jobId = await submit(server, awaiting, bearer(server, { client_id: 'owner' }));
  const other = bearer(server, { client_id: 'other' });
  t.deepEqual(await attach(server, jobId, other), notOwned);
  t.deepEqual(await cancel(server, jobId, other), notOwned);
  t.is(securityEvents(server).length, 2);
  t.deepEqual(await attach(server, jobId), [200, 'OK']);
  t.deepEqual(await cancel(server, jobId), [200, 'OK']);
  const accepted = securityEvents(server).slice(2);
  t.is(accepted.length, 2);
  for (const event of accepted) {
    t.like(event, {
      event: 'job_ownership',
      outcome: 'accepted',
      target: jobId,
      source: '127.0.0.1',
      reason: 'job_not_owned',
    });
  }
});

test('with JOB_OWNERSHIP=record a token without a client id is refused as that of another client', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'record' } });
  const jobId = await submit(server, awaiting, bearer(server, { client_id: 'owner' }));
  const nobody = bearer(server, { client_id: undefined as never, role: 'contributor' });
  t.deepEqual(await attach(server, jobId, nobody), notOwned);
  t.deepEqual(await cancel(server, jobId, nobody), notOwned);
  t.false(securityEvents(server).some(({ outcome }) => outcome === 'accepted'));
});

test('with JOB_OWNERSHIP=record a cancel of a job that has ended is not logged as accepted', async (t) => {
  const server = await startServer(t, { settings: { JOB_OWNERSHIP: 'record' } });
  const owner = bearer(server, { client_id: 'owner' });
  const jobId = await submit(server, {}, owner);
  t.deepEqual(await cancel(server, jobId, owner), [200, 'OK']);
  t.is((await cancel(server, jobId))[0], 400);
  t.deepEqual(securityEvents(server), []);
});

test('the client of the secrets owns a job that a Testflinger server stored', async (t) => {
  const server = await startServer(t);
  const jobId = await submit(server, awaiting);
  await server.deps.collections.jobs.updateOne(
    { job_id: jobId },
    { $set: { 'job_data.client_id': 'owner', 'job_data.test_data.secrets': { A: 'a' } } },
  );
  const owner = bearer(server, { client_id: 'owner' });
  const other = bearer(server, { client_id: 'other' });
  t.deepEqual(await attach(server, jobId, other), notOwned);
  t.deepEqual(await attach(server, jobId, owner), [200, 'OK']);
  t.deepEqual(await cancel(server, jobId, other), notOwned);
  t.deepEqual(await cancel(server, jobId, owner), [200, 'OK']);
  const again = jsonBody({ job_queue: 'q1', job_id: jobId }, other);
  t.is((await server.request('/v1/job', again)).status, 403);
});
