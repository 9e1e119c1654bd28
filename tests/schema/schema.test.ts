import test from 'ava';
import fc from 'fast-check';
import type { z } from 'zod';
import {
  anyMap,
  anything,
  bool,
  dateTime,
  email,
  integer,
  listOf,
  mapOf,
  object,
  oneOf,
  openObject,
  readInput,
  text,
  toJsonSchema,
  url,
} from '../../server/schema/schema.js';

/** Reads one value as a field. Returns the parsed value, or the reasons why it is invalid. */
function read(schema: z.ZodType, value: unknown): unknown {
  const outcome = readInput(object({ field: schema }), { field: value });
  return outcome.ok ? outcome.value.field : outcome.errors['field'];
}

const thing = object({
  name: text({ min: 1 }),
  size: integer({ min: 0 }).optional(),
  on: bool().optional(),
  kind: oneOf('sd', 'usb').nullable().optional(),
  tags: listOf(text()).optional(),
  parts: listOf(object({ agent: text(), device: text().optional() })).optional(),
  levels: mapOf(integer(), { keyPattern: /^[a-z_]+$/ }).optional(),
  inner: object({ at: text() }).optional(),
  rest: anyMap().optional(),
});

for (const body of [[], [{ name: 'a' }], 'text', '', 5, true, null]) {
  test(`a body that is ${JSON.stringify(body)} is reported as a whole`, (t) => {
    const errors = { _schema: ['Invalid input type.'] };
    t.deepEqual(readInput(thing, body), { ok: false, errors });
    t.deepEqual(readInput(mapOf(text()), body), { ok: false, errors });
    t.deepEqual(readInput(openObject({ queue: text() }), body), { ok: false, errors });
  });
}

test('all problems of a body are reported together, nested by field and by list index', (t) => {
  const body = {
    size: -1,
    on: 'maybe',
    kind: 'ssd',
    tags: ['a', 5, null],
    parts: [{ agent: 'a' }, { device: 5, extra: 1 }, 'part'],
    levels: { UP: 'x', down: '3', left: null },
    inner: [],
    rest: [],
    other: 1,
  };
  t.deepEqual(readInput(thing, body), {
    ok: false,
    errors: {
      name: ['Missing data for required field.'],
      size: ['Must be greater than or equal to 0.'],
      on: ['Not a valid boolean.'],
      kind: ['Must be one of: sd, usb.'],
      tags: { '1': ['Not a valid string.'], '2': ['Field may not be null.'] },
      parts: {
        '1': {
          agent: ['Missing data for required field.'],
          device: ['Not a valid string.'],
          extra: ['Unknown field.'],
        },
        '2': { _schema: ['Invalid input type.'] },
      },
      levels: {
        UP: { key: ['String does not match expected pattern.'], value: ['Not a valid integer.'] },
        left: { value: ['Field may not be null.'] },
      },
      inner: { _schema: ['Invalid input type.'] },
      rest: ['Not a valid mapping type.'],
      other: ['Unknown field.'],
    },
  });
});

test('null is reported in every kind of field, except in nullable ones', (t) => {
  const kinds = [text(), oneOf('a'), integer(), bool(), url(), email(), dateTime()];
  for (const kind of [...kinds, listOf(text()), mapOf(text()), anyMap(), object({}), openObject({})]) {
    t.deepEqual(read(kind, null), ['Field may not be null.']);
    t.is(read(kind.nullable(), null), null);
    t.deepEqual(readInput(object({ field: kind }), {}), {
      ok: false,
      errors: { field: ['Missing data for required field.'] },
    });
    t.deepEqual(readInput(object({ field: kind.optional() }), {}), { ok: true, value: {} });
  }
  t.is(read(anything(), null), null);
});

test('whole numbers, and text of whole numbers, are integers, and all other values are not', (t) => {
  for (const [sent, value] of [
    [5, 5],
    ['5', 5],
    [' 5', 5],
    ['-07', -7],
    ['+3 ', 3],
    [-0, 0],
    ['-0', 0],
    [2 ** 53 - 1, 2 ** 53 - 1],
    ['-9007199254740991', -(2 ** 53 - 1)],
  ] as const) {
    t.is(read(integer(), sent), value);
  }
  for (const sent of [
    1.5,
    '1.5',
    true,
    false,
    'abc',
    '',
    ' ',
    '1e3',
    '0x10',
    2 ** 53,
    '9007199254740992',
    [],
    {},
  ]) {
    t.deepEqual(read(integer(), sent), ['Not a valid integer.'], JSON.stringify(sent));
  }
  t.deepEqual(read(integer({ min: 1 }), 0), ['Must be greater than or equal to 1.']);
  t.deepEqual(read(integer({ max: 3 }), '4'), ['Must be less than or equal to 3.']);
});

test('the boolean words of marshmallow are booleans, and other words are not', (t) => {
  for (const word of [
    't',
    'T',
    'true',
    'True',
    'TRUE',
    'on',
    'On',
    'ON',
    'y',
    'Y',
    'yes',
    'Yes',
    'YES',
    '1',
    1,
  ]) {
    t.is(read(bool(), word), true);
  }
  for (const word of [
    'f',
    'F',
    'false',
    'False',
    'FALSE',
    'off',
    'Off',
    'OFF',
    'n',
    'N',
    'no',
    'No',
    'NO',
    '0',
    0,
  ]) {
    t.is(read(bool(), word), false);
  }
  for (const word of ['', 'yEs', 'maybe', 2, -1, [], {}])
    t.deepEqual(read(bool(), word), ['Not a valid boolean.']);
});

test('text can contain NUL, and must match its length limits and its pattern', (t) => {
  t.is(read(text(), 'a\0b'), 'a\0b');
  t.deepEqual(read(text(), { $ne: '' }), ['Not a valid string.']);
  t.deepEqual(read(text({ max: 2 }), 'abc'), ['Longer than maximum length 2.']);
  t.deepEqual(read(text({ min: 2, pattern: /^b/ }), 'a'), [
    'Shorter than minimum length 2.',
    'String does not match expected pattern.',
  ]);
});

test('URLs must be absolute, with the scheme http, https or ftp, and are kept as sent', (t) => {
  for (const sent of [
    'http://a.b',
    'HTTPS://images/x.img?a=b#c',
    'ftp://u:p@10.0.0.1:21/x',
    'http://[::1]:80/',
  ]) {
    t.is(read(url(), sent), sent);
  }
  for (const sent of [
    '',
    'a.b',
    '/x',
    'http://',
    'http:///x',
    'file:///x',
    'http://a b',
    'http://a.b/\n',
    'javascript:0',
    `http://${'a'.repeat(2049)}/`,
  ]) {
    t.deepEqual(read(url(), sent), ['Not a valid URL.'], sent);
  }
  t.deepEqual(read(url(), 5), ['Not a valid string.']);
});

test('e-mail addresses need a name and a domain', (t) => {
  for (const sent of ['a@b.io', "a.o'b+c@sub.example.com", 'root@localhost']) t.is(read(email(), sent), sent);
  for (const sent of [
    '',
    'a',
    'a@',
    '@b.io',
    'a@b',
    'a b@c.io',
    'a..b@c.io',
    'a@b.io\n',
    `${'a'.repeat(400)}@b.io`,
  ]) {
    t.deepEqual(read(email(), sent), ['Not a valid email address.'], sent);
  }
});

test('a list has a minimum number of items', (t) => {
  t.deepEqual(read(listOf(text(), { min: 1 }), []), ['Shorter than minimum length 1.']);
  t.deepEqual(read(listOf(text()), []), []);
  for (const sent of [{}, 'a', 5]) t.deepEqual(read(listOf(text()), sent), ['Not a valid list.']);
});

test('a map of any values keeps every key, and refuses only keys with NUL, at any depth', (t) => {
  const sent = JSON.parse(
    '{"a.b": {"$ne": 1}, "": null, "__proto__": {"polluted": true}, "x": [{"__proto__": 1}]}',
  );
  t.is(read(anyMap(), sent), sent);
  t.is(({} as Record<string, unknown>)['polluted'], undefined);
  for (const wrong of [{ 'a\0': 1 }, { a: [{ b: { '\0': 1 } }] }]) {
    t.deepEqual(read(anyMap(), wrong), ['Keys must not contain NUL characters.']);
    t.deepEqual(read(anything(), [wrong]), ['Keys must not contain NUL characters.']);
  }
  t.deepEqual(read(mapOf(integer()), { 'a\0': 1 }), {
    'a\0': { key: ['Keys must not contain NUL characters.'] },
  });
});

test('__proto__ is a key like any other: kept in a map, unknown in an object', (t) => {
  const made = read(mapOf(integer()), JSON.parse('{"__proto__": "5"}')) as object;
  t.is(JSON.stringify(made), '{"__proto__":5}');
  t.is(Object.getPrototypeOf(made), Object.prototype);
  const refused = readInput(object({}), JSON.parse('{"__proto__": 1}'));
  t.is(JSON.stringify(refused), '{"ok":false,"errors":{"__proto__":["Unknown field."]}}');
});

test('an open object drops unknown fields', (t) => {
  const query = openObject({ queue: text().optional() });
  t.deepEqual(readInput(query, { queue: 'a', other: { $ne: 1 } }), { ok: true, value: { queue: 'a' } });
});

test('fields keep the order in which they were sent, and defaults come last', (t) => {
  const schema = object({
    skip: bool().default(true),
    a: integer(),
    b: listOf(object({ x: text(), y: text() })),
  });
  const outcome = readInput(schema, { b: [{ y: '1', x: '2' }], a: '1' });
  t.is(JSON.stringify(outcome), '{"ok":true,"value":{"b":[{"y":"1","x":"2"}],"a":1,"skip":true}}');
});

test('a schema is described in JSON Schema', (t) => {
  const schema = object({
    text: text({ min: 1, max: 3, pattern: /^a$/ }),
    word: oneOf('a', 'b').optional(),
    number: integer({ min: 0, max: 9 }).describe('A number.'),
    flag: bool().default(false),
    list: listOf(url(), { min: 1 }),
    map: mapOf(integer().nullable(), { keyPattern: /^k/ }),
    free: anyMap().optional(),
    value: anything(),
    mail: email().optional(),
    at: dateTime().optional(),
    query: openObject({ queue: text() }).optional(),
  });
  t.deepEqual(toJsonSchema(schema), {
    type: 'object',
    properties: {
      text: { type: 'string', minLength: 1, maxLength: 3, pattern: '^a$' },
      word: { type: 'string', enum: ['a', 'b'] },
      number: { type: 'integer', minimum: 0, maximum: 9, description: 'A number.' },
      flag: { type: 'boolean', default: false },
      list: { type: 'array', items: { type: 'string', format: 'uri' }, minItems: 1 },
      map: {
        type: 'object',
        additionalProperties: toJsonSchema(integer().nullable()),
        propertyNames: { pattern: '^k' },
      },
      free: { type: 'object', additionalProperties: {} },
      value: {},
      mail: { type: 'string', format: 'email' },
      at: { type: 'string', format: 'date-time' },
      query: { type: 'object', properties: { queue: { type: 'string' } }, required: ['queue'] },
    },
    required: ['text', 'number', 'list', 'map', 'value'],
    additionalProperties: false,
  });
});

test('a body of 100,000 levels is read without running out of stack', (t) => {
  const deep = JSON.parse(`${'{"a":['.repeat(50_000)}1${']}'.repeat(50_000)}`);
  t.is(read(anyMap(), deep), deep);
  t.is(read(anything(), deep), deep);
  t.deepEqual(read(text(), deep), ['Not a valid string.']);
});

test('for a large invalid body only the first problems are reported', (t) => {
  const tags = Array.from({ length: 200_000 }, () => 1);
  t.deepEqual(readInput(thing, { name: 'a', tags }), {
    ok: false,
    errors: { tags: { '0': ['Not a valid string.'] } },
  });
  const levels = Object.fromEntries(tags.map((_, i) => [`k${i}`, 'x']));
  const refused = readInput(thing, { name: 'a', levels });
  t.true(!refused.ok && Object.keys(refused.errors['levels'] ?? {}).length === 100);
  const lists = readInput(mapOf(listOf(text())), { a: tags, b: [1] });
  t.deepEqual(!lists.ok && lists.errors['b'], { value: { '0': ['Not a valid string.'] } });
});

test('reading never throws, for any JSON value', (t) => {
  const values = fc.oneof(
    fc.jsonValue(),
    fc.record({ name: fc.jsonValue(), tags: fc.jsonValue(), levels: fc.jsonValue() }),
  );
  t.notThrows(() =>
    fc.assert(fc.property(values, (value) => typeof readInput(thing, value).ok === 'boolean')),
  );
});

test('a valid value is returned unchanged', (t) => {
  const optional = { requiredKeys: ['name'] as ['name'] };
  const fits = fc.record(
    {
      name: fc.string({ minLength: 1 }),
      size: fc.maxSafeNat(),
      on: fc.boolean(),
      kind: fc.constantFrom('sd', 'usb', null),
      tags: fc.array(fc.string()),
      parts: fc.array(fc.record({ device: fc.string(), agent: fc.string() })),
      levels: fc.dictionary(fc.stringMatching(/^[a-z_]+$/), fc.maxSafeNat()),
      rest: fc.dictionary(
        fc.string().filter((key) => !key.includes('\0')),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
      ),
    },
    optional,
  );
  const unchanged = fc.property(fits, (value) => {
    const outcome = readInput(thing, value);
    t.deepEqual(outcome, { ok: true, value } as typeof outcome);
    t.is(JSON.stringify(outcome), JSON.stringify({ ok: true, value }));
  });
  t.notThrows(() => fc.assert(unchanged));
});
