import test from 'ava';
import fc from 'fast-check';
import { Masker } from '../../server/scrubbing/masker.js';
import { listSecretForms } from '../../server/scrubbing/secret-forms.js';
import { cutAt, findOpenEnd, maskNaively, maskStream } from '../support/masked-streams.js';

const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 })
  .map((units) => String.fromCharCode(...units));

/** Texts that often overlap, with characters that encoders change, asterisks, and all code units. */
const someText = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\r'), maxLength: 24 }),
  fc.string({ unit: fc.constantFrom('a', '*'), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('a', '"', '\\', '/', ' ', '%', '+', 'é', '🔑'), maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
  anyUnits,
);

const encoders: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => JSON.stringify(value).slice(1, -1),
  (value) => encodeURIComponent(Buffer.from(value).toString()),
  (value) => new URLSearchParams({ k: value }).toString(),
  ...['', 'a', 'ab', 'abc'].flatMap((before) => [
    (value: string) => Buffer.from(`${before}${value}!`).toString('base64'),
    (value: string) => Buffer.from(before + value).toString('base64url'),
  ]),
];

/** Secrets of all kinds, and secrets that are parts of one another. */
const someValues = fc.oneof(
  fc.array(someText, { minLength: 1, maxLength: 4 }),
  fc
    .tuple(
      fc.string({ unit: fc.constantFrom(...'abcd'), minLength: 8, maxLength: 12 }),
      fc.array(fc.tuple(fc.nat({ max: 6 }), fc.integer({ min: 4, max: 9 })), { minLength: 1, maxLength: 5 }),
    )
    .map(([text, parts]) => parts.map(([start, length]) => text.slice(start, start + length))),
);

/** Secrets, and a text with these secrets, parts of them and other text, cut into pieces. */
const someStream = fc
  .record({ values: someValues, seed: fc.array(someText) })
  .chain(({ values, seed }) => {
    const ofValue = fc
      .tuple(fc.constantFrom(...values), fc.constantFrom(...encoders), fc.nat({ max: 12 }), fc.boolean())
      .map(([value, encode, left, isWhole]) => encode(value).slice(0, isWhole ? undefined : left));
    const other = seed.length === 0 ? ofValue : fc.constantFrom(...seed);
    const text = fc
      .array(fc.oneof({ weight: 3, arbitrary: ofValue }, other), { maxLength: 8 })
      .map((parts) => parts.join(''));
    return fc.record({
      values: fc.constant(values),
      text,
      places: text.chain(() => fc.array(fc.nat({ max: 120 }), { maxLength: 8 })),
    });
  })
  .map(({ values, text, places }) => ({
    masker: new Masker(values),
    forms: values.flatMap(listSecretForms),
    text,
    pieces: cutAt(
      text,
      places.map((place) => Math.min(place, text.length)),
    ),
  }));

const runs = { numRuns: 1500 };

test('no form of a secret is in a masked text, or in the joined pieces of a masked stream', (t) => {
  const absent = fc.property(someStream, ({ masker, forms, text, pieces }) => {
    for (const stored of [
      masker.mask(text),
      maskStream(masker, pieces),
      maskStream(masker, text.split('')),
    ]) {
      const left = forms.find((form) => stored.includes(form));
      if (left !== undefined) throw new Error(`${JSON.stringify(left)} is left in ${JSON.stringify(stored)}`);
    }
  });
  t.notThrows(() => fc.assert(absent, runs));
});

test('marks replace the forms and nothing else changes, however the text is cut', (t) => {
  const same = fc.property(someStream, ({ masker, forms, text, pieces }) => {
    const expected = maskNaively(text, forms, masker.mark);
    const stored = [masker.mask(text), maskStream(masker, pieces), maskStream(masker, text.split(''))];
    if (stored.some((one) => one !== expected)) throw new Error(JSON.stringify({ expected, stored }));
  });
  t.notThrows(() => fc.assert(same, runs));
});

test('the text that is held back is the longest suffix that is a proper prefix of a form', (t) => {
  const longest = fc.property(someStream, ({ masker, forms, text }) => {
    const { held } = masker.maskPiece(text, undefined);
    const expected = findOpenEnd(text, forms);
    if ((held?.text ?? '') !== expected) throw new Error(JSON.stringify({ expected, held }));
    if (held?.text === '') throw new Error('an empty text is held back');
  });
  t.notThrows(() => fc.assert(longest, runs));
});

test('many secrets in ordinary text are found where a simple search finds them', (t) => {
  const secrets = fc.array(fc.string({ unit: 'grapheme-ascii', minLength: 11, maxLength: 40 }), {
    minLength: 1,
    maxLength: 10,
  });
  const log = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), { maxLength: 5 });
  const found = fc.property(secrets, log, fc.nat({ max: 400 }), (values, others, at) => {
    const text = others.map((other, i) => other + (values[i] ?? '') + other.slice(3)).join('\n');
    const masker = new Masker(values);
    const expected = maskNaively(text, values.flatMap(listSecretForms), masker.mark);
    const stored = maskStream(masker, cutAt(text, [Math.min(at, text.length)]));
    if (stored !== expected) throw new Error(JSON.stringify({ expected, stored }));
  });
  t.notThrows(() => fc.assert(found, { numRuns: 500 }));
});
