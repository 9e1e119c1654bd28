import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Masker } from '../../server/scrubbing/masker.js';
import { maxFormLength } from '../../server/scrubbing/secret-forms.js';
import { cutAt, maskStream } from '../support/masked-streams.js';

const secret = 'correct/horse+battery "staple" & més=%🔑';
const pem = [
  '-----BEGIN PRIVATE KEY-----',
  ...(randomBytes(2400).toString('base64').match(/.{64}/g) ?? []),
  'q8Zt',
  '-----END PRIVATE KEY-----',
  '',
].join('\n');

/** The encodings in which a secret can appear. */
const encoders: Record<string, (value: string) => string> = {
  'in plain text': (value) => value,
  'JSON-escaped': (value) => JSON.stringify(value).slice(1, -1),
  'percent-encoded': encodeURIComponent,
  'percent-encoded in lower case': (value) =>
    encodeURIComponent(value).replace(/%../g, (escape) => escape.toLowerCase()),
  'percent-encoded as a form': (value) => new URLSearchParams({ k: value }).toString().slice('k='.length),
};

test('the secret of these tests has 40 characters', (t) => t.is(secret.length, 40));

for (const [how, encode] of Object.entries(encoders)) {
  const text = `before ${encode(secret)} after\n`;

  test(`a secret ${how} is masked wherever it is split over two fragments`, (t) => {
    const masker = new Masker(['another', secret]);
    t.is(masker.mask(text), 'before *** after\n');
    for (let at = 0; at <= text.length; at++) {
      t.is(maskStream(masker, cutAt(text, [at])), 'before *** after\n', `cut at ${at}`);
    }
  });

  test(`a secret ${how} is masked over five fragments, and over fragments of one character`, (t) => {
    const masker = new Masker([secret]);
    const places = [10, 17, 18, 40];
    t.is(maskStream(masker, cutAt(text, places)), 'before *** after\n');
    t.is(maskStream(masker, text.split('')), 'before *** after\n');
  });
}

for (const encoding of ['base64', 'base64url'] as const) {
  for (const before of ['', 'a', 'ab', 'abc', 'user:']) {
    test(`a secret after ${before.length} characters in ${encoding} is masked, and the text around it stays`, (t) => {
      const masker = new Masker([secret]);
      const text = `x ${Buffer.from(`${before}${secret}:after`).toString(encoding)}\n`;
      const masked = masker.mask(text);
      const [start = '', end = '', ...others] = masked.split('***');
      t.true(text.startsWith(start) && text.endsWith(end) && others.length === 0, masked);
      // At most one base64 digit at each end stays: the one that also has bits of the neighbouring text.
      t.true(start.length <= 'x '.length + Math.ceil((before.length * 8) / 6));
      t.true(end.length <= 1 + Math.ceil((':after'.length * 8) / 6) + '==\n'.length);
      for (let at = 0; at <= text.length; at++) {
        t.is(maskStream(masker, cutAt(text, [at])), masked, `cut at ${at}`);
      }
    });
  }
}

test('a PEM key is masked as a whole and line by line, in each encoding', (t) => {
  const masker = new Masker([pem]);
  const lines = pem.split('\n').filter((line) => line !== '');
  for (const encode of Object.values(encoders)) {
    t.is(masker.mask(`<${encode(pem)}>`), '<***>');
    for (const line of lines) t.is(masker.mask(`<${encode(line)}>`), '<***>', line);
  }
  t.is(masker.mask(pem.replaceAll('\n', '\r\n')), '***\r\n'.repeat(lines.length));
  for (const before of ['', 'a', 'ab']) {
    const inBase64 = (text: string) => masker.mask(Buffer.from(`${before}${text}z`).toString('base64'));
    t.regex(inBase64(pem), /^.{0,3}\*\*\*.{0,4}$/);
    for (const line of lines) t.regex(inBase64(line), /^.{0,3}\*\*\*.{0,4}$/, line);
  }
  const stream = lines.map((line) => `[tty] ${line}\n`);
  t.is(maskStream(masker, stream), '[tty] ***\n'.repeat(lines.length));
});

test('the lines of a value are masked with any line break', (t) => {
  const masker = new Masker(['alpha\rbravo\r\ncharlie\ndelta']);
  t.is(masker.mask('delta, charlie, bravo, alpha'), '***, ***, ***, ***');
});

test('text without a secret is returned unchanged, and nothing of it is held back', (t) => {
  const masker = new Masker([secret]);
  for (const text of ['', '\n', 'a line\n', 'corre', '\ud83d\ude00 \ud83d', 'x'.repeat(10_000)]) {
    t.is(masker.mask(text), text);
    if (text !== 'corre') t.deepEqual(masker.maskPiece(text, undefined), { text, held: undefined });
  }
});

test('the longest suffix that begins a secret is held back, and is released unchanged', (t) => {
  const masker = new Masker(['abcabcab12']);
  const piece = masker.maskPiece('log: abcabcabcab', undefined);
  t.deepEqual(piece, { text: 'log: abc', held: { text: 'abcabcab', covered: 0 } });
  t.is(masker.release({ text: 'abcabcab', covered: 0 }), 'abcabcab');
  t.deepEqual(masker.maskPiece('12!', piece.held), { text: '***!', held: undefined });
  t.deepEqual(masker.maskPiece('1 ', piece.held), { text: 'abcabcab1 ', held: undefined });
});

test('a complete secret at the end is masked at once, unless it begins a longer one', (t) => {
  t.deepEqual(new Masker(['abcd', 'xyzw']).maskPiece('1 abcd', undefined), {
    text: '1 ***',
    held: undefined,
  });
  const masker = new Masker(['abcd', 'abcdefgh']);
  const { text, held } = masker.maskPiece('1 abcd', undefined);
  t.deepEqual({ text, held }, { text: '1 ', held: { text: 'abcd', covered: 0 } });
  t.is(masker.release(held!), '***');
  t.is(masker.maskPiece('efgh.', held).text, '***.');
  t.is(masker.maskPiece('ef.', held).text, '***ef.');
});

test('the end of a masked secret that begins another one is never released in plain text', (t) => {
  const masker = new Masker(['abcd', 'bcdefgh']);
  const first = masker.maskPiece('1 abcd', undefined);
  t.deepEqual(first, { text: '1 ***', held: { text: 'bcd', covered: 3 } });
  t.is(masker.release(first.held!), '');
  t.deepEqual(masker.maskPiece('efgh 2', first.held), { text: ' 2', held: undefined });
  t.deepEqual(masker.maskPiece('e 2', first.held), { text: 'e 2', held: undefined });
  t.deepEqual(masker.maskPiece('e', first.held), { text: '', held: { text: 'bcde', covered: 3 } });
});

test('a secret inside the masked part of the held text does not reveal the rest of it', (t) => {
  const masker = new Masker(['xabcdef', 'abcdefgh', 'abcd']);
  const { text, held } = masker.maskPiece('xabcdef', undefined);
  t.deepEqual({ text, held }, { text: '***', held: { text: 'abcdef', covered: 6 } });
  t.is(masker.release(held!), '');
  t.is(masker.maskPiece('.', held).text, '.');
});

test('text after the end of a secret is not mistaken for the middle of another', (t) => {
  t.is(new Masker(['acxx', 'abcd']).mask('acxxbcd'), '***bcd');
});

test('overlapping secrets become one mark, and adjacent secrets become two', (t) => {
  const masker = new Masker(['12345678', '5678abcd', 'zzzz']);
  t.is(masker.mask('<12345678abcd>'), '<***>');
  t.is(masker.mask('<12345678zzzz>'), '<******>');
  t.is(masker.mask('zzzzzzz'), '***');
});

test('a masker without a value of at least four characters changes nothing', (t) => {
  for (const masker of [new Masker([]), new Masker(['', 'abc', '\n\n\n'])]) {
    t.true(masker.isEmpty);
    t.is(masker.bytes, 0);
    t.is(masker.mask('abc'), 'abc');
    t.deepEqual(masker.maskPiece('abc', undefined), { text: 'abc', held: undefined });
    t.deepEqual(masker.maskPiece('d', { text: 'abc', covered: 2 }), { text: 'cd', held: undefined });
    t.is(masker.release({ text: 'abc', covered: 2 }), 'c');
  }
  t.false(new Masker(['abcd']).isEmpty);
});

for (const odd of ['****', '*****', 'a***b', '*abc', 'abc*', '***\n####']) {
  test(`a secret with asterisks such as ${JSON.stringify(odd)} is not created by the masking`, (t) => {
    const masker = new Masker([odd, 'secret']);
    t.not(masker.mark, '***');
    for (const text of [odd, `*${odd}*`, 'secretsecret', '*secret*', 'asecretb', 'abcsecret', 'secretabc']) {
      for (const stored of [masker.mask(text), maskStream(masker, text.split(''))]) {
        for (const line of odd.split('\n')) if (line.length > 3) t.false(stored.includes(line), stored);
        t.true(stored.includes(masker.mark), stored);
      }
    }
  });
}

test('a secret with asterisks inside is masked with a mark that it does not contain', (t) => {
  t.is(new Masker(['pass*word**']).mark, '###');
  t.is(new Masker(['pass*wo**rd']).mark, '***');
  t.is(new Masker(['pass***word', '#word']).mark, '\u2588'.repeat(3));
  t.is(new Masker(['pass***word', 'wo###rd']).mark, '\u2588'.repeat(3));
});

test('a long value is masked as a whole and line by line, and little of it is held back', (t) => {
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i} of a long secret`);
  const masker = new Masker([lines.join('\n'), lines.join('; ')]);
  t.is(masker.mask(`<${lines.join('; ')}>`), '<***>');
  t.is(masker.mask(`<${lines.join('\n')}>`), '<***>');
  t.is(masker.mask(lines.join('\r\n')), lines.map(() => '***').join('\r\n'));
  const { text, held } = masker.maskPiece(`<${lines.join('; ').slice(0, -1)}`, undefined);
  t.true((held?.text.length ?? 0) < maxFormLength);
  t.is(text.slice(0, 4), '<***');
});
