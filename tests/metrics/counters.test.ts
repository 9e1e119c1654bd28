import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import test from 'ava';
import { metricRows } from '../../server/areas.js';
import { queueLimit } from '../../server/auth/bcrypt-pool.js';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { leaseDuty } from '../../server/leases/sweep-leases.js';
import { runDuties } from '../../server/periodic/run-duties.js';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { asAgent, passTime, sendLog, sendResult, startJob, startLeaseServer } from '../support/leases.js';
import { askToken, logIn } from '../support/logins.js';
import { readMetrics, scrape, serveMetrics } from '../support/metrics.js';
import { waitUntil } from '../support/own-mongod.js';
import { startServer } from '../support/start-server.js';
import { upload } from '../support/uploads.js';

const cancel = { action: 'cancel' };

test('requests are counted by method, route and status, and never by path', async (t) => {
  const server = await startServer(t, { settings: { ANONYMOUS_ACCESS: 'deny' } });
  t.is((await server.request('/livez')).status, 200);
  t.is((await server.request('/livez', { method: 'HEAD' })).status, 200);
  t.is((await server.request('/v1/job', jsonBody({ job_queue: 'q1' }))).status, 401);
  const jobId = await submit(server, {}, bearer(server));
  for (const id of [jobId, 'a', 'b'])
    await server.request(`/v1/job/${id}`, { headers: bearer(server) }).then((answer) => answer.text());
  for (let n = 0; n < 300; n += 1) t.is((await server.request(`/odd/${n}?q=${n}`)).status, 404);
  t.is((await server.request('/livez', { method: 'PROPFIND' })).status, 405);
  const metrics = await scrape(t, server);
  t.deepEqual(metrics.byLabels('queuepass_http_requests_total'), {
    'GET /livez 200': 1,
    'HEAD /livez 200': 1,
    'POST /v1/job 401': 1,
    'POST /v1/job 200': 1,
    'GET /v1/job/{job_id} 200': 1,
    'GET /v1/job/{job_id} 400': 2,
    'GET none 404': 300,
    'other none 405': 1,
  });
  t.is(metrics.byLabels('queuepass_http_request_seconds_count')['GET none'], 300);
  t.true((metrics.byLabels('queuepass_http_request_seconds_sum')['GET none'] as number) > 0);
  t.false(metrics.text.includes('odd'));
});

test('accepted and refused credentials are counted by reason', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, 'a client secret of good length');
  await addClient(server, { client_id: 'keyless' });
  const { client_key: key } = await makeClientKey(server.deps, 'ci');
  for (const [client, presented, status] of [
    ['ci', 'a client secret of good length', 200],
    ['ci', key, 200],
    ['ci', 'a wrong client secret', 401],
    ['ci', `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`, 401],
    ['nobody', 'a client secret of good length', 401],
    ['keyless', 'a client secret of good length', 401],
  ] as const)
    t.is((await logIn(server, client, presented)).status, status, presented);
  t.is((await askToken(server)).status, 401);
  const refresh = (token: string) =>
    server.request('/v1/oauth2/refresh', jsonBody({ refresh_token: token })).then(({ status }) => status);
  const { refresh_token: token } = JSON.parse((await askToken(server, `ci:${key}`)).body);
  t.is(await refresh(token), 200);
  t.is(await refresh('none'), 400);
  t.is((await server.request('/v1/job/x', { headers: { authorization: 'Bearer x.y.z' } })).status, 403);
  t.is((await server.request('/v1/job/x', { headers: { authorization: 'Bearer ' } })).status, 401);
  t.deepEqual((await scrape(t, server)).byLabels('queuepass_token_outcomes_total'), {
    'client_key accepted none': 3,
    'client_key refused wrong_key': 1,
    'client_key refused wrong_server_made_key': 1,
    'client_key refused unknown_client': 1,
    'client_key refused client_without_a_secret': 1,
    'client_key refused basic_missing': 1,
    'refresh_token accepted none': 1,
    'refresh_token refused refresh_token_invalid': 1,
    'access_token refused token_undecodable': 1,
    'access_token refused bearer_without_token': 1,
  });
});

test('logins that are refused because too many others wait are counted', async (t) => {
  const server = await startServer(t, { settings: { BCRYPT_COST: '12' } });
  const { bcryptPool } = server.deps;
  const url = await serveMetrics(t, server);
  t.is((await readMetrics(url)).value('queuepass_bcrypt_queue_length'), 0);
  const fill = () =>
    Promise.allSettled(Array.from({ length: 200 }, () => bcryptPool.compare('a secret', undefined, 15)));
  const waiting = [fill()];
  // The workers that start now take their first tasks from the queue.
  while (bcryptPool.waiting > queueLimit - availableParallelism()) await nextTurn();
  waiting.push(fill());
  t.is((await logIn(server, 'nobody', 'a client secret of good length')).status, 503);
  const metrics = await readMetrics(url);
  t.true(metrics.value('queuepass_bcrypt_queue_length') > 0);
  t.is(metrics.value('queuepass_bcrypt_queue_limit'), 64);
  t.deepEqual(metrics.byLabels('queuepass_token_outcomes_total'), { 'client_key refused busy': 1 });
  await bcryptPool.close();
  await Promise.all(waiting);
});

test('claims are counted by queue, polls that find nothing are not, and after many queues the others share a series', async (t) => {
  const server = await startServer(t);
  const long = 'q'.repeat(101);
  for (const queue of ['a', 'a', 'b', long]) await submit(server, { job_queue: queue });
  for (const queue of ['a', 'a', 'a', 'b', long]) await claim(server, [queue]);
  t.deepEqual((await scrape(t, server)).byLabels('queuepass_claims_total'), { a: 2, b: 1, other: 1 });
  const { claimQueues } = server.deps;
  const labels = Array.from({ length: 1000 }, (_, n) => claimQueues.valueOf(`queue-${n}`));
  t.is(new Set(labels).size, 199);
  t.is(labels.at(-1), 'other');
  t.is(claimQueues.valueOf('queue-0'), 'queue-0', 'a known queue keeps its series');
});

test('lost leases, restored jobs and each kind of late data are counted', async (t) => {
  const server = await startLeaseServer(t, { JOB_MAX_ATTEMPTS: '2' });
  const jobId = await submit(server);
  await startJob(server, 'a', jobId);
  await passTime(server, 900);
  // No other agent has claimed the job, so it is restored.
  t.false((await sendResult(server, 'a', jobId, { job_state: 'test' })).isDiscarded);
  await passTime(server, 900);
  await startJob(server, 'b', jobId);
  t.true((await sendResult(server, 'a', jobId, { job_state: 'test' })).isDiscarded);
  for (const number of [0, 1]) t.true((await sendLog(server, 'a', jobId, number, 'late')).isDiscarded);
  const artifact = upload(Buffer.from('late'), agentHeaders(server, 'a'));
  t.is((await server.request(`/v1/result/${jobId}/artifact`, artifact)).status, 200);
  const events = {
    agent_id: 'a',
    job_queue: 'q1',
    job_status_webhook: 'http://127.0.0.1:9/x',
    events: [{ event_name: 'started', timestamp: '2026-01-02T03:04:05Z', detail: 'x' }],
  };
  t.true((await asAgent(server, 'a', `/v1/job/${jobId}/events`, events)).isDiscarded);
  await passTime(server, 900);
  const cancelled = await submit(server);
  await startJob(server, 'c', cancelled);
  t.is((await server.request(`/v1/job/${cancelled}/action`, jsonBody(cancel, bearer(server)))).status, 200);
  await passTime(server, 900);
  const metrics = await scrape(t, server);
  t.deepEqual(metrics.byLabels('queuepass_leases_lost_total'), {
    'lose lease_expired': 2,
    'give_up lease_expired': 1,
    'let_go lease_expired': 1,
  });
  t.is(metrics.value('queuepass_jobs_given_back_total'), 1);
  t.deepEqual(metrics.byLabels('queuepass_late_data_total'), { result: 1, log: 2, artifact: 1, events: 1 });
  const losses = server.logged.filter(({ reason }) => reason === 'lease_expired');
  t.deepEqual(
    losses.map(({ event, agent, attempt }) => [event, agent, attempt]),
    [
      ['lose', 'a', 1],
      ['lose', 'a', 1],
      ['give_up', 'b', 2],
      ['let_go', 'c', 1],
    ],
  );
  for (const { lease_until: until } of losses) t.regex(String(until), /^2090-.*Z$/);
});

test('the time of a duty is measured, also when it fails', async (t) => {
  const server = await startServer(t);
  let runs = 0;
  const fail = async () => {
    runs += 1;
    throw new Error('no');
  };
  const duties = runDuties(server.deps, [leaseDuty, { name: 'failing', everyMs: 60_000, run: fail }]);
  await waitUntil(async () => runs > 0 && (await server.deps.collections.serviceBeats.countDocuments()) > 0);
  await duties.stop();
  const metrics = await scrape(t, server);
  t.deepEqual(metrics.byLabels('queuepass_duty_seconds_count'), { sweep_leases: 1, failing: 1 });
  t.true(Math.abs(metrics.value('queuepass_last_sweep_timestamp_seconds') - Date.now() / 1000) < 60);
});

test('after requests of every kind each metric of the table has a value, and none contains ids, names or secrets', async (t) => {
  const server = await startServer(t);
  const secret = 'a client secret of good length';
  const client = 'client-whose-id-is-told-nowhere';
  const agent = 'agent-whose-name-is-told-nowhere';
  await addClient(server, { client_id: client }, secret);
  const token = (await logIn(server, client, secret)).body;
  await logIn(server, client, 'a wrong client secret');
  await logIn(server, 'unknown-id', secret);
  const ids = [await submit(server), await submit(server, { tags: ['a-tag'] }, bearer(server))];
  await claim(server, ['q1'], agent);
  await sendResult(server, agent, ids[0] as string, { job_state: 'provision' });
  await runDuties(server.deps, [leaseDuty]).stop();
  const url = await serveMetrics(t, server);
  await waitUntil(async () => (await readMetrics(url)).value('queuepass_event_loop_lag_seconds_count') > 0);
  const { kinds, samples, text } = await readMetrics(url);
  t.deepEqual(kinds, Object.fromEntries(Object.values(metricRows).map(({ name, kind }) => [name, kind])));
  for (const { name, kind } of Object.values(metricRows)) {
    const sampled = kind === 'histogram' ? `${name}_count` : name;
    t.true(
      samples.some((sample) => sample.name === sampled),
      sampled,
    );
  }
  for (const planted of [secret, 'wrong client', client, agent, token, 'unknown-id', ...ids, 'a-tag'])
    t.false(text.includes(planted), planted);
});
