import test from 'ava';
import fc from 'fast-check';
import { durationSeconds } from '../../server/job/duration-seconds.js';
import { jobSchema } from '../../server/job/job-schema.js';
import { readInput, toJsonSchema } from '../../server/schema/schema.js';

const read = (fields: object) => readInput(jobSchema, { job_queue: 'q', ...fields });

function reasons(fields: object): unknown {
  const outcome = read(fields);
  return outcome.ok ? undefined : outcome.errors;
}

test('a job requires only its queue, and no field is added to it', (t) => {
  t.deepEqual(readInput(jobSchema, { job_queue: 'q' }), { ok: true, value: { job_queue: 'q' } });
  const missing = { ok: false, errors: { job_queue: ['Missing data for required field.'] } } as const;
  t.deepEqual(readInput(jobSchema, {}), missing as never);
  t.deepEqual(reasons({ job_queue: '' }), { job_queue: ['Shorter than minimum length 1.'] });
  t.deepEqual(reasons({ job_queue: { $ne: 'q' } }), { job_queue: ['Not a valid string.'] });
});

test('a job with every field is kept as sent, in the order sent, with numbers and booleans converted', (t) => {
  const sent = {
    tags: ['a', 'b'],
    reserve_data: { timeout: '1h30m', ssh_keys: ['lp:someone', 'gh:some-one'] },
    test_data: {
      test_username: 'ubuntu',
      test_cmds: 'echo \0',
      test_password: 'x',
      secrets: { TOKEN: 'team/token', _b1: 'x-y_z' },
      attachments: [{ device: 'b', agent: 'a' }, { agent: 'c' }],
    },
    provision_data: { ephemeral: 'yes', distro: 'noble' },
    firmware_update_data: { version: 'latest', attachments: [] },
    allocate_data: { 'a.b': { $x: 1 }, attachments: [{ agent: 'x' }] },
    job_queue: 'q',
    job_id: '',
    parent_job_id: 'p',
    name: 'n',
    global_timeout: '3600',
    output_timeout: 60,
    allocation_timeout: -1,
    job_status_webhook: 'http://hook',
    job_priority: ' 5',
    exclude_agents: [],
    debug: 'off',
  };
  const stored = {
    ...sent,
    reserve_data: { ...sent.reserve_data, timeout: 5400 },
    provision_data: { ephemeral: true, distro: 'noble' },
    global_timeout: 3600,
    job_priority: 5,
    debug: false,
  };
  t.is(JSON.stringify(readInput(jobSchema, sent)), JSON.stringify({ ok: true, value: stored }));
});

test('fields of the wrong type are reported with their reasons', (t) => {
  const wrong = {
    job_id: 5,
    tags: 'a',
    exclude_agents: ['a', 1],
    job_priority: 1.5,
    global_timeout: true,
    debug: 'maybe',
    allocate_data: [],
    firmware_update_data: null,
    test_data: [],
    reserve_data: 'x',
    nonsense: 1,
  };
  t.deepEqual(reasons(wrong), {
    job_id: ['Not a valid string.'],
    tags: ['Not a valid list.'],
    exclude_agents: { '1': ['Not a valid string.'] },
    job_priority: ['Not a valid integer.'],
    global_timeout: ['Not a valid integer.'],
    debug: ['Not a valid boolean.'],
    allocate_data: ['Not a valid mapping type.'],
    firmware_update_data: ['Field may not be null.'],
    test_data: { _schema: ['Invalid input type.'] },
    reserve_data: { _schema: ['Invalid input type.'] },
    nonsense: ['Unknown field.'],
  });
});

test('secrets map identifiers to paths', (t) => {
  const pattern = ['String does not match expected pattern.'];
  t.deepEqual(
    reasons({ test_data: { secrets: { '1a': 'p', 'a-b': 'a b', ok: '', fine: 'a/b', number: 5 } } }),
    {
      test_data: {
        secrets: {
          '1a': { key: pattern },
          'a-b': { key: pattern, value: pattern },
          ok: { value: pattern },
          number: { value: ['Not a valid string.'] },
        },
      },
    },
  );
  t.deepEqual(reasons({ test_data: { secrets: [] } }), {
    test_data: { secrets: ['Not a valid mapping type.'] },
  });
  t.is(reasons({ test_data: { secrets: {} } }), undefined);
  const named = read(JSON.parse('{"test_data": {"secrets": {"__proto__": "a/b"}}}'));
  t.true(JSON.stringify(named).includes('"__proto__":"a/b"'));
});

test('attachments of test data name a path for the agent', (t) => {
  t.is(reasons({ test_data: { attachments: [] } }), undefined);
  t.deepEqual(reasons({ test_data: { attachments: [{ agent: 'a' }, {}, { agent: 'a', local: 'b' }] } }), {
    test_data: {
      attachments: {
        '1': { agent: ['Missing data for required field.'] },
        '2': { local: ['Unknown field.'] },
      },
    },
  });
});

test('ssh keys come from Launchpad or GitHub', (t) => {
  t.deepEqual(reasons({ reserve_data: { ssh_keys: ['lp:a', 'gl:b', 'gh:', 'gh:a b'] } }), {
    reserve_data: {
      ssh_keys: {
        '1': ['String does not match expected pattern.'],
        '2': ['String does not match expected pattern.'],
        '3': ['String does not match expected pattern.'],
      },
    },
  });
});

test('durations are read as seconds', (t) => {
  for (const [sent, seconds] of [
    [90, 90],
    [0, 0],
    ['90', 90],
    [' 90 ', 90],
    ['30m', 1800],
    ['1h30m', 5400],
    ['2d 5h', 190_800],
    ['1 Day 2 HOURS 3mins 4 sec', 93_784],
    ['5secs', 5],
    ['1min', 60],
    ['3days', 259_200],
    ['1hour', 3600],
  ] as const) {
    t.is(durationSeconds(sent), seconds, String(sent));
  }
});

test('an invalid duration is refused, and the error contains the value that was sent', (t) => {
  for (const sent of [
    -1,
    1.5,
    true,
    '',
    ' ',
    'h',
    '-5m',
    '5x',
    '1.5h',
    '5m x',
    '30ms',
    'm5',
    1e300,
    '9'.repeat(30),
  ]) {
    t.deepEqual(reasons({ reserve_data: { timeout: sent } }), {
      reserve_data: { timeout: [`Invalid duration format: ${sent}`] },
    });
  }
  const reasonsFor = (timeout: unknown) => reasons({ reserve_data: { timeout } });
  t.deepEqual(reasonsFor(null), { reserve_data: { timeout: ['Invalid duration format: null'] } });
  t.deepEqual(reasonsFor([1]), { reserve_data: { timeout: ['Invalid duration format: a list'] } });
  t.deepEqual(reasonsFor({ $gt: 1 }), { reserve_data: { timeout: ['Invalid duration format: an object'] } });
});

test('the JSON Schema describes every field, and requires only the queue', (t) => {
  const json = toJsonSchema(jobSchema);
  t.deepEqual(json['required'], ['job_queue']);
  t.is(json['additionalProperties'], false);
  const properties = json['properties'] as Record<string, object>;
  t.deepEqual(properties['job_queue'], { type: 'string', minLength: 1 });
  t.deepEqual(properties['allocate_data'], { type: 'object', additionalProperties: {} });
  t.is(Object.keys(properties).length, 17);
});

test('reading a job never throws, for any JSON values of its fields', (t) => {
  const fields = Object.keys(jobSchema.shape);
  const jobs = fc.dictionary(fc.constantFrom(...fields), fc.jsonValue());
  t.notThrows(() => fc.assert(fc.property(jobs, (job) => typeof readInput(jobSchema, job).ok === 'boolean')));
});

test('a duration of days, hours, minutes and seconds is their sum', (t) => {
  const part = fc.nat({ max: 1000 });
  const sum = fc.property(part, part, part, part, (d, h, m, s) => {
    t.is(durationSeconds(`${d}d${h} hours ${m}M${s}sec`), ((d * 24 + h) * 60 + m) * 60 + s);
  });
  t.notThrows(() => fc.assert(sum));
});
