import test from 'ava';
import { dateTime, object, readInput } from '../../server/schema/schema.js';

/** Reads one value as a time. Returns the parsed value, or the reasons why it is invalid. */
function read(schema: ReturnType<typeof dateTime>, value: unknown): unknown {
  const outcome = readInput(object({ field: schema }), { field: value });
  return outcome.ok ? outcome.value.field : outcome.errors['field'];
}

test('a time is ISO 8601, in UTC where it names no offset', (t) => {
  for (const [sent, iso] of [
    ['2026-02-03T04:05:06.789123+00:00', '2026-02-03T04:05:06.789Z'],
    ['2026-02-03T04:05:06', '2026-02-03T04:05:06.000Z'],
    ['2026-02-03 04:05Z', '2026-02-03T04:05:00.000Z'],
    ['2024-02-29T23:00:00-01:30', '2024-03-01T00:30:00.000Z'],
    ['2026-01-03', '2026-01-03T00:00:00.000Z'],
    ['20260103', '2026-01-03T00:00:00.000Z'],
    ['20261127T180000Z', '2026-11-27T18:00:00.000Z'],
    ['20261127T1805', '2026-11-27T18:05:00.000Z'],
    ['20261127T180000,25+0100', '2026-11-27T17:00:00.250Z'],
    ['2026-11-27T18:00:00,123456789Z', '2026-11-27T18:00:00.123Z'],
    ['0050-01-01T00:00:00.5Z', '0050-01-01T00:00:00.500Z'],
  ] as const) {
    const date = read(dateTime(), sent);
    t.true(date instanceof Date);
    t.is((date as Date).toISOString(), iso);
  }
  for (const sent of [
    '',
    '2026-02',
    '202602',
    '2026-02-30',
    '20260230',
    '2026-02-03T',
    '2026-02-03Z',
    '20261127T180000;5',
    '2025-02-29T00:00:00',
    '2026-13-01T00:00',
    '2026-01-01T24:00',
    '2026-01-01T00:00:60',
    'now',
    5,
    {},
  ]) {
    t.deepEqual(read(dateTime(), sent), ['Not a valid datetime.'], JSON.stringify(sent));
  }
});
