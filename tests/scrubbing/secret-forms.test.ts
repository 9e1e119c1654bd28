import { spawnSync } from 'node:child_process';
import test from 'ava';
import fc from 'fast-check';
import { listPlainForms, listSecretForms, maxFormLength } from '../../server/scrubbing/secret-forms.js';

const odd = 'pä ss/"w&+<~*\'(\\🔑\u007f';

/** This secret as other programs encoded it, by program. */
const written: Record<string, string> = {
  "Python's json.dumps": 'p\\u00e4 ss/\\"w&+<~*\'(\\\\\\ud83d\\udd11\\u007f',
  "Python's json.dumps without ensure_ascii": 'pä ss/\\"w&+<~*\'(\\\\🔑\u007f',
  "Go's json.Marshal": 'pä ss/\\"w\\u0026+\\u003c~*\'(\\\\🔑\u007f',
  "PHP's json_encode": 'p\\u00e4 ss\\/\\"w&+<~*\'(\\\\\\ud83d\\udd11\u007f',
  "Jackson's ESCAPE_NON_ASCII": 'p\\u00E4 ss/\\"w&+<~*\'(\\\\\\uD83D\\uDD11\u007f',
  "Python's quote": 'p%C3%A4%20ss/%22w%26%2B%3C~%2A%27%28%5C%F0%9F%94%91%7F',
  "Python's quote_plus": 'p%C3%A4+ss%2F%22w%26%2B%3C~%2A%27%28%5C%F0%9F%94%91%7F',
  encodeURIComponent: encodeURIComponent(odd),
  encodeURI: encodeURI(odd),
  URLSearchParams: new URLSearchParams({ k: odd }).toString().slice('k='.length),
  "PHP's urlencode": 'p%C3%A4+ss%2F%22w%26%2B%3C%7E%2A%27%28%5C%F0%9F%94%91%7F',
  "xxd -p, Python's hex and Go's %x": '70c3a42073732f2277262b3c7e2a27285cf09f94917f',
  "Python's hex().upper() and xxd -u": '70C3A42073732F2277262B3C7E2A27285CF09F94917F',
  "bash's $'...'": String.raw`pä ss/"w&+<~*\'(\\🔑\177`,
  "bash's $'...' in the locale C": String.raw`p\303\244 ss/"w&+<~*\'(\\\360\237\224\221\177`,
  "Python's shlex.quote": `pä ss/"w&+<~*'"'"'(\\🔑\u007f`,
  'an encoder with lower-case digits': 'p%c3%a4%20ss%2f%22w%26%2b%3c~%2a%27%28%5c%f0%9f%94%91%7f',
};

for (const [program, form] of Object.entries(written)) {
  test(`a secret as ${program} writes it is among its forms`, (t) => {
    t.true(listSecretForms(odd).includes(form), form);
  });
}

const wellFormed = fc.string({ unit: 'grapheme', minLength: 4, maxLength: 30 });

test('a secret with any content is found in JSON, percent-encoded and in plain text', (t) => {
  const found = fc.property(wellFormed, (value) => {
    const forms = listSecretForms(value);
    const percent = encodeURIComponent(value);
    const lower = percent.replace(/%../g, (escape) => escape.toLowerCase());
    const pair = new URLSearchParams({ k: value }).toString();
    for (const form of [value, JSON.stringify(value).slice(1, -1), percent, lower, pair.slice('k='.length)]) {
      t.true(forms.includes(form), form);
    }
  });
  fc.assert(found);
});

/** Finds the digits that do not depend on the bytes before and after the value. */
function findStableDigits(value: string, before: number, encoding: 'base64' | 'base64url'): string {
  const encode = (neighbour: number) =>
    Buffer.concat([Buffer.alloc(before, neighbour), Buffer.from(value), Buffer.alloc(3, neighbour)]).toString(
      encoding,
    );
  const [zeros, ones] = [encode(0), encode(0xff)];
  return [...zeros].filter((digit, i) => digit === ones[i]).join('');
}

test('a secret is found in base64 at any offset of the encoded data', (t) => {
  const found = fc.property(wellFormed, fc.nat({ max: 8 }), (value, before) => {
    for (const encoding of ['base64', 'base64url'] as const) {
      const digits = findStableDigits(value, before, encoding);
      // A digit of neighbouring bytes can be the same by chance, but only next to the digits of the value.
      const own = listSecretForms(value).filter((form) => digits.includes(form));
      t.true(own.some((form) => form.length >= Math.floor((Buffer.byteLength(value) * 8 - 8) / 6)));
    }
  });
  fc.assert(found);
});

test('the base64 forms of four bytes are the digits that contain no other bits', (t) => {
  t.deepEqual(listSecretForms('true'), ['true', 'dHJ1Z', 'RydW', '0cnVl', '74727565']);
});

test('a text shorter than four characters has no forms', (t) => {
  for (const value of ['', 'a', 'ab', 'abc', '\n\n\n', 'é€ü', 'a\nb'])
    t.deepEqual(listSecretForms(value), []);
});

test('no form is shorter than four characters, and none is listed twice', (t) => {
  const distinct = fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (value) => {
    const forms = listSecretForms(value);
    t.true(forms.every((form) => form.length >= 4));
    t.is(new Set(forms).size, forms.length);
  });
  fc.assert(distinct);
});

test('each line of four characters or more has its own forms, with any line break', (t) => {
  const forms = listSecretForms('first line\r\nsecond=\nabc\rthird/line\n    \n');
  for (const line of ['first line', 'second=', 'third/line']) {
    t.true(forms.includes(line));
    for (const form of listSecretForms(line)) t.true(forms.includes(form), form);
  }
  t.false(forms.includes('abc'));
  t.false(forms.includes('    '), 'a blank line is not a secret');
  t.true(listSecretForms('    ').includes('    '), 'unless the secret has only spaces');
});

const bashPrints = {
  'with set -x': 'set -x; : "$1"',
  'with printf %q': 'printf %q "$1" >&2',
};

for (const [how, script] of Object.entries(bashPrints)) {
  test(`a secret is found as bash prints it ${how}`, (t) => {
    const values = [
      "it's a 'q' \\ x",
      "''a''",
      'tab\there',
      'e\u001bx\u0001\u007f\u00e9$`"',
      "li'ne 1\nli'ne 2\u0002",
      "quote'",
      'pa ss$w',
      '#a!b"c#d&e(f)g*h,i;j<k>l?m[n]o^p`q{r|s}t~u%v@w+x=y:z/.-_\u00e9',
    ];
    for (const value of values) {
      for (const locale of ['C', 'C.UTF-8']) {
        const { stderr } = spawnSync('bash', ['-c', script, '_', value], {
          encoding: 'utf8',
          env: { PATH: process.env.PATH, LC_ALL: locale },
        });
        t.true(
          listSecretForms(value).some((form) => form.length >= value.length && stderr.includes(form)),
          stderr,
        );
      }
    }
  });
}

test('a secret is masked without its outer white space too, in each form', (t) => {
  const forms = listSecretForms(' \tpass word\n\n');
  for (const form of listSecretForms('pass word')) t.true(forms.includes(form), form);
  t.deepEqual(listSecretForms('  abc  ').includes('abc'), false);
  t.true(listSecretForms('  first\n  second  ').includes('  second'));
});

test('an escaped backslash before a u is not an escaped character', (t) => {
  t.true(listSecretForms('a\\u00e9\u00e9').includes('a\\\\u00e9\\u00E9'));
});

test('lone surrogates have forms too', (t) => {
  t.true(listSecretForms('\ud83dabc').includes('\ud83dabc'));
  t.true(listSecretForms('abc\udd11').includes('abc\\udd11'));
});

test('a long value is masked by overlapping pieces of equal length', (t) => {
  const value = Array.from({ length: 4000 }, (_, i) => `${i};`).join('');
  const pieces = listPlainForms(value);
  t.true(value.length > 2 * maxFormLength);
  t.true(pieces.every((piece) => piece.length === maxFormLength && value.includes(piece)));
  let reached = 1;
  for (const piece of pieces) {
    const start = value.indexOf(piece);
    t.true(start < reached);
    reached = start + piece.length;
  }
  t.is(reached, value.length);
  t.true(listSecretForms(value).every((form) => form.length <= maxFormLength));
});
