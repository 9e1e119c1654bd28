import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import test from 'ava';
import { readMetrics } from '../support/metrics.js';
import { findPids, waitUntil } from '../support/own-mongod.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';

const urlOf = (server: ServerProcess) => /Metrics are at (\S+)\n/.exec(server.stderr())?.[1] ?? '';

test('the server prints the URL of the metrics, which have their own port with no other route and end with the server', async (t) => {
  const server = await startServerProcess(t);
  await waitUntil(() => urlOf(server) !== '');
  const url = urlOf(server);
  t.regex(url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  t.not(new URL(url).port, new URL(server.url).port);
  t.is((await server.request('/metrics')).status, 404);
  t.is((await fetch(new URL('/v1/job', url))).status, 404);
  t.is((await fetch(new URL('/livez', url))).status, 404);
  t.is((await fetch(url, { method: 'POST' })).status, 405);
  const head = await fetch(url, { method: 'HEAD' });
  t.is(head.status, 200);
  t.is(head.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const metrics = await readMetrics(`${url}?name=x`);
  t.is(metrics.byLabels('queuepass_http_requests_total')['GET none 404'], 1);
  t.true(metrics.value('process_resident_memory_bytes') > 2 ** 24);
  t.true(metrics.value('process_cpu_seconds_total') > 0.1);
  t.true(Math.abs(metrics.value('process_start_time_seconds') - Date.now() / 1000) < 120);
  t.deepEqual(Object.values(metrics.byLabels('queuepass_build_info')), [1]);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
  await t.throwsAsync(fetch(url));
});

test('a metrics port in use causes a warning in the log and on the terminal, and the server still serves requests', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await new Promise((done) => other.once('listening', done));
  const { port } = other.address() as AddressInfo;
  const server = await startServerProcess(t, { settings: { METRICS_PORT: String(port) } });
  const warning = `no metrics: 127.0.0.1:${port} is in use by another program: set METRICS_PORT`;
  t.true(server.stderr().includes(`Warning: ${warning}`), server.stderr());
  const logged = server
    .stdout()
    .split('\n')
    .filter((line) => line.includes(warning));
  t.is(logged.length, 1);
  t.true(logged[0]?.includes('"level":"warn"'));
  t.is(urlOf(server), '');
  t.is((await server.request('/readyz')).status, 200);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
});

test('METRICS_HOST sets the address of the metrics, and one that is not an address of the machine causes a warning too', async (t) => {
  const server = await startServerProcess(t, { settings: { METRICS_HOST: '127.0.0.2' } });
  await waitUntil(() => urlOf(server) !== '');
  t.regex(urlOf(server), /^http:\/\/127\.0\.0\.2:/);
  const elsewhere = await startServerProcess(t, { settings: { METRICS_HOST: '192.0.2.1' } });
  t.regex(elsewhere.stderr(), /Warning: no metrics: 192\.0\.2\.1:0 cannot be used \(EADDRNOTAVAIL\)/);
  t.is((await elsewhere.request('/livez')).status, 200);
});

test('while MongoDB hangs a scrape gets a response within three seconds, with the previous counts', async (t) => {
  const server = await startServerProcess(t);
  await waitUntil(() => urlOf(server) !== '');
  const url = urlOf(server);
  const measured = 'queuepass_queues_measured_timestamp_seconds';
  const before = (await readMetrics(url)).value(measured);
  const [mongod] = await findPids(server.dataDir, 'mongod');
  process.kill(mongod as number, 'SIGSTOP');
  t.teardown(() => process.kill(mongod as number, 'SIGCONT'));
  // Wait until the counts are due again.
  await new Promise((done) => setTimeout(done, 10_500));
  const begun = performance.now();
  const metrics = await readMetrics(url);
  const ms = performance.now() - begun;
  t.true(ms > 1000 && ms < 3000, `${ms} ms`);
  t.is(metrics.value(measured), before);
  const isPrimaryKnown = async () => (await readMetrics(url)).value('queuepass_mongodb_primary_known') === 1;
  await waitUntil(async () => !(await isPrimaryKnown()));
  process.kill(mongod as number, 'SIGCONT');
  await waitUntil(isPrimaryKnown);
  // Once MongoDB continues, the counts are updated again.
  await waitUntil(async () => (await readMetrics(url)).value(measured) > before);
});
