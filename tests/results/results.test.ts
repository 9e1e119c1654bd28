import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, claim, submit } from '../support/jobs.js';
import { postFragment, postResult, readResult, unknownJob } from '../support/results.js';
import { shareServer } from '../support/share-server.js';

const getServer = shareServer(test);

test('a result is stored field by field, and each posted field replaces the stored one', async (t) => {
  const server = getServer();
  const job = await submit(server);
  t.deepEqual(await readResult(server, job), { job_state: 'waiting' });
  const posted = await postResult(server, job, {
    status: { setup: 0, provision: 1 },
    device_info: { 'agent.name': 'a', $set: { x: '$name' }, ['__proto__']: 1 },
    job_state: 'provision',
  });
  t.is(posted.status, 200);
  t.is(posted.headers.get('content-type'), 'text/plain; charset=utf-8');
  t.is(await posted.text(), 'OK');
  const response = await server.request(`/v1/result/${job}`);
  t.is(response.headers.get('content-type'), 'application/json');
  t.is(
    await response.text(),
    '{"setup_status":0,"provision_status":1,' +
      '"device_info":{"agent.name":"a","$set":{"x":"$name"},"__proto__":1},"job_state":"provision"}',
  );
  await postResult(server, job, { status: { test: '-7' } });
  await postResult(server, job, { device_info: { b: null } });
  t.deepEqual(await readResult(server, job), {
    test_status: -7,
    device_info: { b: null },
    job_state: 'provision',
  });
  t.is((await postResult(server, job, {})).status, 200);
  t.is((await server.deps.collections.jobs.findOne({ job_id: job }))?.job_data.job_queue, 'q1');
});

test('a result contains the texts of the existing logs by phase, in order', async (t) => {
  const server = getServer();
  const job = await submit(server);
  await postFragment(server, job, { fragment_number: 2, phase: 'test', log_data: 'c\n' });
  await postFragment(server, job, { fragment_number: 1, phase: 'test', log_data: 'b "\u0000' });
  await postFragment(server, job, { fragment_number: 0, phase: 'setup', log_data: 'a' });
  await postFragment(server, job, { fragment_number: 0, phase: 'test', log_data: 's' }, 'serial');
  t.deepEqual(await readResult(server, job), {
    job_state: 'waiting',
    setup_output: 'a',
    test_output: 'b "\u0000c\n',
    test_serial: 's',
  });
});

test('a cancelled job keeps its state when its agent posts phases, and the final complete is stored', async (t) => {
  const server = getServer();
  const job = await submit(server, { job_queue: 'cancelled' });
  await claim(server, ['cancelled']);
  const cancel = await server.request(`/v1/job/${job}/action`, jsonBody({ action: 'cancel' }));
  t.is(cancel.status, 200);
  await postResult(server, job, { job_state: 'test', status: { test: 247 } });
  t.deepEqual(await readResult(server, job), { test_status: 247, job_state: 'cancelled' });
  await postResult(server, job, { job_state: 'cleanup' });
  t.is((await readResult(server, job)).job_state, 'cancelled');
  await postResult(server, job, { job_state: 'complete' });
  t.is((await readResult(server, job)).job_state, 'complete');
  await postResult(server, job, { job_state: 'cleanup' });
  t.is((await readResult(server, job)).job_state, 'complete', 'a late repeat of a phase is ignored');
});

test('a cancel that is concurrent with phase posts is never lost', async (t) => {
  const server = getServer();
  for (let round = 0; round < 5; round += 1) {
    const job = await submit(server);
    await Promise.all([
      ...Array.from({ length: 10 }, () => postResult(server, job, { job_state: 'test' })),
      server.request(`/v1/job/${job}/action`, jsonBody({ action: 'cancel' })),
    ]);
    t.is((await readResult(server, job)).job_state, 'cancelled');
  }
});

test('a post for an unknown job gets OK and stores nothing, and a read gets 204', async (t) => {
  const server = getServer();
  const job = unknownJob();
  const posted = await postResult(server, job, { job_state: 'test' });
  t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  t.is(await server.deps.collections.jobs.countDocuments({ job_id: job }), 0);
  const read = await server.request(`/v1/result/${job}`);
  t.deepEqual([read.status, await read.text()], [204, '']);
});

test('an invalid result is refused before the id is checked', async (t) => {
  const server = getServer();
  const refused = async (body: unknown, reasons: object) => {
    const response = await postResult(server, 'no-id', body);
    t.is(response.status, 422);
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { json: reasons } });
  };
  await refused({ output: 'x' }, { output: ['Unknown field.'] });
  await refused({ status: { test: 'bad' } }, { status: { test: { value: ['Not a valid integer.'] } } });
  for (const phase of ['', 'tests', 'Test', 'test\n', '$test', 'test.x', '__proto__']) {
    const unknown = { [phase]: { key: ['String does not match expected pattern.'] } };
    await refused({ status: { setup: 0, [phase]: 0 } }, { status: unknown });
  }
  await refused({ status: { test: 1.5 } }, { status: { test: { value: ['Not a valid integer.'] } } });
  await refused({ status: null }, { status: ['Field may not be null.'] });
  await refused({ job_state: { $ne: 1 } }, { job_state: ['Not a valid string.'] });
  await refused({ device_info: [] }, { device_info: ['Not a valid mapping type.'] });
  await refused([], { _schema: ['Invalid input type.'] });
  const badId = await postResult(server, 'no-id', {});
  t.is(badId.status, 400);
  t.deepEqual(await badId.json(), { message: 'Invalid job_id specified', detail: {} });
  const read = await server.request('/v1/result/no-id');
  t.deepEqual([read.status, await read.json()], [400, { message: 'Invalid job_id specified', detail: {} }]);
});

test('a result of 16 MiB is refused by its length, and a smaller one is stored', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const frame = JSON.stringify({ device_info: { x: '' } }).length;
  const post = (size: number) => postResult(server, job, { device_info: { x: 'x'.repeat(size - frame) } });
  const over = await post(16 * 1024 * 1024);
  t.deepEqual([over.status, await over.json()], [413, { message: 'Payload too large', detail: {} }]);
  // The job document also has other fields. A document that is too large for MongoDB gets the same response.
  const barely = await post(16 * 1024 * 1024 - 1);
  t.deepEqual([barely.status, await barely.json()], [413, { message: 'Payload too large', detail: {} }]);
  t.is((await post(15 * 1024 * 1024)).status, 200);
});

test('only agents can post results, and every role can read them', async (t) => {
  const server = getServer();
  const job = await submit(server);
  for (const role of ['contributor', 'manager', 'admin']) {
    const headers = bearer(server, { role });
    const response = await server.request(`/v1/result/${job}`, jsonBody({}, headers));
    t.deepEqual(
      [response.status, await response.json()],
      [403, { message: 'Specified action requires role: agent', detail: {} }],
    );
    t.is((await server.request(`/v1/result/${job}`, { headers })).status, 200);
  }
  t.is((await server.request(`/v1/result/${job}`, { headers: agentHeaders(server) })).status, 200);
});
