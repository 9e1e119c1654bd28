import test from 'ava';
import { bearer, jsonBody } from '../support/clients.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { insertFragments, makeFragment, postFragment, readLog, unknownJob } from '../support/results.js';
import { shareServer } from '../support/share-server.js';

const getServer = shareServer(test, { newDatabase: true });

const phases = ['setup', 'provision', 'firmware_update', 'test', 'allocate', 'reserve', 'cleanup'];
const nothing = { last_fragment_number: -1, log_data: '' };

test('a log is returned by phase, in the order of its fragment numbers', async (t) => {
  const server = getServer();
  const job = await submit(server);
  for (const fragment_number of [3, 1, 10, 2]) {
    const posted = await postFragment(server, job, { fragment_number, log_data: `${fragment_number};` });
    t.deepEqual([posted.status, await posted.text()], [200, 'OK']);
  }
  await postFragment(server, job, { fragment_number: 0, phase: 'setup', log_data: '0;' });
  const response = await server.request(`/v1/result/${job}/log/output`);
  t.is(response.status, 200);
  t.is(response.headers.get('content-type'), 'application/json');
  t.deepEqual(await response.json(), {
    output: {
      ...Object.fromEntries(phases.map((phase) => [phase, nothing])),
      setup: { last_fragment_number: 0, log_data: '0;' },
      test: { last_fragment_number: 10, log_data: '1;2;3;10;' },
    },
  });
  const serial = await server.request(`/v1/result/${job}/log/serial?phase=test`);
  t.deepEqual(await serial.json(), { serial: { test: nothing } });
});

test('a fragment that is sent twice, or twenty times concurrently, is stored once', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => postFragment(server, job, { fragment_number: i % 2 })),
  );
  t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  t.is(await server.deps.collections.logs.countDocuments({ job_id: job }), 2);
  await postFragment(server, job, {}, 'serial');
  t.is(await server.deps.collections.logs.countDocuments({ job_id: job }), 3, 'each log has its own numbers');
  t.is((await readLog(server, job)).test?.log_data, 'texttext');
});

test('a log can be read from a fragment number, from a time, and for one phase', async (t) => {
  const server = getServer();
  const job = await submit(server);
  for (const n of [0, 1, 2]) {
    await postFragment(server, job, {
      fragment_number: n,
      timestamp: `2026-01-01T00:00:0${n}+00:00`,
      log_data: `${n};`,
    });
  }
  t.deepEqual(await readLog(server, job, '?phase=test&start_fragment=1'), {
    test: { last_fragment_number: 2, log_data: '1;2;' },
  });
  t.deepEqual(await readLog(server, job, '?phase=test&start_timestamp=2026-01-01T00:00:02Z'), {
    test: { last_fragment_number: 2, log_data: '2;' },
  });
  t.deepEqual(await readLog(server, job, '?phase=test&start_fragment=2'), {
    test: { last_fragment_number: 2, log_data: '2;' },
  });
  t.deepEqual(await readLog(server, job, '?phase=setup'), { setup: nothing });
});

test('last_fragment_number is the highest number that the query matches, and -1 if it matches none', async (t) => {
  const server = getServer();
  const job = await submit(server);
  // An agent's clock was set back after the second fragment.
  for (const [n, second] of [0, 9, 5].entries()) {
    const timestamp = `2026-01-01T00:00:0${second}Z`;
    await postFragment(server, job, { fragment_number: n, timestamp, log_data: `${n};` });
  }
  const read = async (query: string) => (await readLog(server, job, `?${query}`)).test;
  t.deepEqual(await read('start_fragment=3'), nothing);
  t.deepEqual(await read('phase=test&start_fragment=3'), nothing);
  t.deepEqual(await read('start_timestamp=2026-01-01T00:00:10Z'), nothing);
  t.deepEqual(await read('start_timestamp=2026-01-01T00:00:06Z&start_fragment=2'), nothing);
  t.deepEqual(await read('start_timestamp=2026-01-01T00:00:06Z'), {
    last_fragment_number: 1,
    log_data: '1;',
  });
  t.deepEqual(await read('start_timestamp=2026-01-01T00:00:05Z'), {
    last_fragment_number: 2,
    log_data: '1;2;',
  });
  t.deepEqual(
    await readLog(server, job, '?start_fragment=3'),
    Object.fromEntries(phases.map((phase) => [phase, nothing])),
  );
});

const texts: Record<string, string> = {
  'NUL and control characters': 'a\u0000b\u001b[0m\r\n\u007f\u2028"\\',
  'bytes that are not UTF-8, as lone surrogates': 'x\udc80\udcffy\ud800',
  'U+FFFD among lone surrogates': '\ufffd\udc80\ufffd\u{1f600}\udfff\ufffd',
  'only U+FFFD': '\ufffd\ufffd',
  'characters with a meaning in MongoDB': '$name {"$ne": 1} a.b',
  'no text': '',
};
for (const [what, text] of Object.entries(texts)) {
  test(`a log with ${what} is stored and returned unchanged`, async (t) => {
    const server = getServer();
    const job = await submit(server);
    await postFragment(server, job, { log_data: text });
    t.is((await readLog(server, job)).test?.log_data, text);
    const result = (await (await server.request(`/v1/result/${job}`)).json()) as { test_output: string };
    t.is(result.test_output, text);
  });
}

test('the halves of a surrogate pair in two fragments become one character again', async (t) => {
  const server = getServer();
  const job = await submit(server);
  await postFragment(server, job, { fragment_number: 0, log_data: 'a\ud83d' });
  await postFragment(server, job, { fragment_number: 1, log_data: '\ude00b' });
  t.is((await readLog(server, job)).test?.log_data, 'a\u{1f600}b');
});

test('a serial log of 1 MiB of NULs, 6 MiB as JSON, is stored', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const log_data = '\u0000'.repeat(1024 * 1024);
  t.is((await postFragment(server, job, { log_data }, 'serial')).status, 200);
  t.is((await readLog(server, job, '?phase=test', 'serial')).test?.log_data, log_data);
});

test('a fragment of just under 16 MiB with a million lone surrogates is stored, and one of 16 MiB is refused', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const escaped = '\\udc80';
  const body = (size: number) => {
    const frame = JSON.stringify(makeFragment({ log_data: '' }));
    const room = size - frame.length;
    const text = escaped.repeat(1_000_000) + 'x'.repeat(room - 6_000_000);
    return frame.replace('"log_data":""', `"log_data":"${text}"`);
  };
  const post = (size: number) =>
    server.request(`/v1/result/${job}/log/output`, {
      ...jsonBody({}, agentHeaders(server)),
      body: body(size),
    });
  const over = await post(16 * 1024 * 1024);
  t.deepEqual([over.status, await over.json()], [413, { message: 'Payload too large', detail: {} }]);
  t.is((await post(16 * 1024 * 1024 - 1)).status, 200);
  t.true((await readLog(server, job)).test?.log_data.startsWith('\udc80\udc80'));
});

test('an invalid query gets 400, with the reasons by field as the message', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const refused = async (query: string, reasons: object) => {
    const response = await server.request(`/v1/result/${job}/log/output?${query}`);
    t.is(response.status, 400);
    t.is(response.headers.get('content-type'), 'application/json');
    t.deepEqual(await response.json(), { message: reasons, detail: {} });
  };
  await refused('phase=boot', { phase: [`Must be one of: ${phases.join(', ')}.`] });
  await refused('start_fragment=-1', { start_fragment: ['Must be greater than or equal to 0.'] });
  await refused('start_fragment=x', { start_fragment: ['Not a valid integer.'] });
  await refused('start_timestamp=now&foo=1', {
    start_timestamp: ['Not a valid datetime.'],
    foo: ['Unknown field.'],
  });
});

test('a log of an unknown type gets 404, and one of an invalid id is refused', async (t) => {
  const server = getServer();
  const job = unknownJob();
  const read = await server.request(`/v1/result/${job}/log/console`);
  t.deepEqual([read.status, await read.text()], [404, `Not found: /v1/result/${job}/log/console`]);
  t.is((await postFragment(server, job, {}, 'constructor')).status, 404);
  const get = await server.request('/v1/result/no-id/log/output');
  t.deepEqual([get.status, await get.json()], [400, { message: 'Invalid job id\n', detail: {} }]);
  const post = await postFragment(server, 'no-id');
  t.deepEqual([post.status, await post.json()], [400, { message: 'Invalid job_id specified', detail: {} }]);
});

test('an invalid fragment is refused', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const refused = async (fields: Record<string, unknown>, reasons: object) => {
    const response = await postFragment(server, job, fields);
    t.is(response.status, 422);
    t.deepEqual(await response.json(), { message: 'Validation error', detail: { json: reasons } });
  };
  await refused({ phase: 'boot' }, { phase: [`Must be one of: ${phases.join(', ')}.`] });
  await refused({ fragment_number: true }, { fragment_number: ['Not a valid integer.'] });
  await refused({ timestamp: 5 }, { timestamp: ['Not a valid datetime.'] });
  await refused({ log_data: { $gt: '' } }, { log_data: ['Not a valid string.'] });
  await refused({ more: 1 }, { more: ['Unknown field.'] });
  await refused({ log_data: undefined }, { log_data: ['Missing data for required field.'] });
  t.is(await server.deps.collections.logs.countDocuments({ job_id: job }), 0);
});

test('logs that a Testflinger server wrote are returned, with its duplicates once', async (t) => {
  const server = getServer();
  const job = await submit(server);
  const peer = {
    ...makeFragment({ log_data: 'old;', timestamp: new Date() }),
    job_id: job,
    log_type: 'output',
  };
  await server.deps.connection.db.collection('logs').insertMany([
    { ...peer, updated_at: new Date() },
    { ...peer, updated_at: new Date() },
  ]);
  await postFragment(server, job, { fragment_number: 1, log_data: 'new;' });
  t.deepEqual((await readLog(server, job)).test, { last_fragment_number: 1, log_data: 'old;new;' });
});

test('only agents can send fragments, and they cannot read logs', async (t) => {
  const server = getServer();
  const path = `/v1/result/${unknownJob()}/log/output`;
  const post = await server.request(path, jsonBody(makeFragment(), bearer(server, { role: 'admin' })));
  t.deepEqual(
    [post.status, await post.json()],
    [403, { message: 'Specified action requires role: agent', detail: {} }],
  );
  const read = await server.request(path, { headers: agentHeaders(server) });
  t.deepEqual(
    [read.status, await read.json()],
    [403, { message: 'Specified action requires role: admin, manager, contributor', detail: {} }],
  );
});

test('log queries use their indexes and sort nothing in memory', async (t) => {
  const server = getServer();
  const job = await submit(server);
  await insertFragments(
    server,
    job,
    Array.from({ length: 200 }, (_, i) => `${i}`),
  );
  await insertFragments(
    server,
    unknownJob(),
    Array.from({ length: 200 }, (_, i) => `${i}`),
    'setup',
  );
  const { logs } = server.deps.collections;
  const sort = { log_type: 1, phase: 1, fragment_number: 1 } as const;
  const filters = [
    [{ job_id: job }, 200],
    [{ job_id: job, log_type: 'output', phase: 'test' }, 200],
    [{ job_id: job, log_type: 'output', phase: 'test', fragment_number: { $gte: 190 } }, 10],
  ] as const;
  for (const [filter, examined] of filters) {
    const explained = await logs.find(filter, { sort }).explain('executionStats');
    const { winningPlan } = explained.queryPlanner as { winningPlan: object };
    t.regex(JSON.stringify(winningPlan), /"indexName":"qp_fragments"/);
    t.notRegex(JSON.stringify(winningPlan), /"SORT"|COLLSCAN/);
    t.is((explained.executionStats as { totalDocsExamined: number }).totalDocsExamined, examined);
  }
  const last = await logs
    .aggregate([
      { $match: { job_id: job, log_type: 'output' } },
      { $sort: { job_id: -1, log_type: -1, phase: -1, fragment_number: -1 } },
      { $group: { _id: '$phase', last: { $first: '$fragment_number' } } },
    ])
    .explain();
  t.regex(JSON.stringify(last), /DISTINCT_SCAN/);
});
