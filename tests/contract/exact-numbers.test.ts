import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { agentHeaders, claim } from '../support/jobs.js';
import { shareServer } from '../support/share-server.js';
import type { TestServer } from '../support/start-server.js';

const getServer = shareServer(test);
const reason = 'Numbers must be finite, and integers must have at most 64 bits.';

/** Submits a job whose text is given, since JSON.stringify would change its numbers. */
async function submitText(
  server: TestServer,
  map: string,
  queue = 'exact',
): Promise<[number, Record<string, unknown>]> {
  const body = `{"job_queue":"${queue}","allocate_data":${map}}`;
  const response = await server.request('/v1/job', { ...jsonBody({}), body });
  return [response.status, (await response.json()) as Record<string, unknown>];
}

async function readText(server: TestServer, path: string, init?: RequestInit): Promise<string> {
  return (await server.request(path, init)).text();
}

const kept = [
  '123456789012345678',
  '-9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9007199254740992',
  '0.12345678901234568',
  '1.5e+300',
  '1e+100',
  '2251799813685248.5',
];

test('each number of a free map is stored and returned with its digits, to the submitter and to the agent', async (t) => {
  const server = getServer();
  const map = `{"a":{"__proto__":[${kept.join(',')}]},"unsigned":1,"text":"123456789012345678"}`;
  const [status, { job_id: id }] = await submitText(server, map);
  t.is(status, 200);
  t.true((await readText(server, `/v1/job/${String(id)}`)).includes(`"allocate_data":${map}`));
  const claimed = await readText(server, '/v1/job?queue=exact', { headers: agentHeaders(server) });
  t.true(claimed.includes(`"allocate_data":${map}`), claimed);
  const info = `{"serial":123456789012345678,"list":[[9223372036854775807]]}`;
  const result = { ...jsonBody({}, agentHeaders(server)), body: `{"device_info":${info}}` };
  t.is(await readText(server, `/v1/result/${String(id)}`, result), 'OK');
  t.true((await readText(server, `/v1/result/${String(id)}`)).includes(`"device_info":${info}`));
});

test('a number that MongoDB cannot hold is refused with its field', async (t) => {
  const server = getServer();
  const out = ['9223372036854775808', '-9223372036854775809', '1e999', '-1e400', '1e-999', '1'.repeat(400)];
  for (const number of out) {
    const [status, body] = await submitText(server, `{"a":[${number}]}`, 'refused');
    t.is(status, 422, number);
    t.deepEqual(body.detail, { json: { allocate_data: [reason] } }, number);
  }
  const [status, body] = await submitText(server, '123456789012345678', 'refused');
  t.deepEqual([status, body.detail], [422, { json: { allocate_data: ['Not a valid mapping type.'] } }]);
  t.is(await claim(server, ['refused']), undefined);
});

test('of a repeated key the last value counts, and a typed field is refused as before', async (t) => {
  const server = getServer();
  const [, { job_id: id }] = await submitText(
    server,
    '{"a":1,"b":123456789012345678,"a":{"c":2}}',
    'repeated',
  );
  t.true((await readText(server, `/v1/job/${String(id)}`)).includes('{"a":{"c":2},"b":123456789012345678}'));
  const body = '{"job_queue":"q","global_timeout":123456789012345678,"job_priority":1e999}';
  const refused = await server.request('/v1/job', { ...jsonBody({}), body });
  const integer = ['Not a valid integer.'];
  t.deepEqual(await refused.json(), {
    message: 'Validation error',
    detail: { json: { global_timeout: integer, job_priority: integer } },
  });
});

test('a long integer keeps its digits wherever it is, and strings that contain numbers stay as they are', async (t) => {
  const map = String.raw`{"__proto__":123456789012345678,"a":[[-123456789012345678,{"b":1e0}]],"1234567890123456789":"\\","c":"\"1e-999\\\",123456789012345678","d":9007199254740993}`;
  const server = getServer();
  const [status, { job_id: id }] = await submitText(server, map, 'anywhere');
  t.is(status, 200);
  const stored = await readText(server, `/v1/job/${String(id)}`);
  // JSON.stringify puts keys that are array indexes first; this key is too long to be one.
  t.true(stored.includes(map.replace('1e0', '1')), stored);
});

test('a body with long numbers takes about as long as one of the same length without numbers', async (t) => {
  const server = getServer();
  const length = 15_000_000;
  const measure = async (map: string) => {
    const times: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      const start = performance.now();
      // No such body is stored, so that the times are those of the parser.
      t.is((await submitText(server, `{${map},"refused":1e999}`, 'long'))[0], 422);
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  const plain = await measure(`"a":1${' '.repeat(length)}`);
  for (const map of [
    `"a":${'1'.repeat(length)}`,
    `"a":1e${'1'.repeat(length)}`,
    `"a":"${'\\"'.repeat(length / 2)}","b":123456789012345678`,
    `"a":"${'00112233445566778899'.repeat(length / 20)}"`,
  ]) {
    const ms = await measure(map);
    t.true(ms < 6 * plain, `${map.slice(0, 30)}: ${ms} ms instead of ${plain} ms`);
  }
});
