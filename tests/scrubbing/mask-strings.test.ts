import test from 'ava';
import fc from 'fast-check';
import { maskStrings } from '../../server/scrubbing/mask-strings.js';

const mask = (text: string) => text.replaceAll('secret', '***');

test('each string and each key of a value is masked, at any depth', (t) => {
  t.is(maskStrings('a secret', mask), 'a ***');
  const value = { a: ['secret', { 'a secret': 'x', n: 1, b: true, z: null }], c: 'c' };
  t.deepEqual(maskStrings<unknown>(value, mask), {
    a: ['***', { 'a ***': 'x', n: 1, b: true, z: null }],
    c: 'c',
  });
  t.is(value.a[0], 'secret', 'the input is not changed');
});

test('a value without a secret is returned as the same object, and so is each part without one', (t) => {
  for (const value of [undefined, null, 0, -0, NaN, true, 'text', [], {}, [NaN], { a: [1, { b: 'c' }] }]) {
    t.is(maskStrings(value, mask), value);
  }
  const value = { kept: { list: ['a'] }, changed: ['secret'] };
  t.is(maskStrings(value, mask).kept, value.kept);
});

test('keys keep their order, and keys such as __proto__ are ordinary fields', (t) => {
  const text = '{"z":"secret","__proto__":{"a":"secret"},"constructor":"secret","a":1}';
  t.is(JSON.stringify(maskStrings(JSON.parse(text), mask)), mask(text));
  const named = maskStrings({ secret: 1 }, () => '__proto__');
  t.deepEqual(Object.entries(named), [['__proto__', 1]]);
  t.is(Object.getPrototypeOf(named), Object.prototype);
});

test('of keys that become equal the last one is kept', (t) => {
  t.deepEqual(maskStrings<object>({ secret: 1, b: 2, '***': 3 }, mask), { '***': 3, b: 2 });
});

test('a value with a depth of 100 is masked', (t) => {
  const nest = (text: string) => `${'[{"a":'.repeat(50)}"${text}"${'}]'.repeat(50)}`;
  t.is(JSON.stringify(maskStrings(JSON.parse(nest('secret')), mask)), nest('***'));
});

test('any JSON value is masked like its text', (t) => {
  const masked = fc.property(fc.json(), (text) => {
    const value: unknown = JSON.parse(text);
    const marked = maskStrings(value, (part) => `^${part}`);
    t.is(JSON.stringify(marked), JSON.stringify(value).replace(/"((?:\\.|[^"\\])*")/g, '"^$1'));
    t.is(maskStrings(value, mask), value);
  });
  fc.assert(masked);
});
