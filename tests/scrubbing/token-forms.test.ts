import { randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import jwt from 'jsonwebtoken';
import { signAccessToken } from '../../server/auth/access-token.js';
import { makeServerKey } from '../../server/auth/client-key-format.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import type { ClientRecord } from '../../server/principal/client-record.js';
import { maskTokens } from '../../server/scrubbing/token-forms.js';
import { TestClock } from '../support/tokens.js';

const signingKeys = readSigningKeys('k'.repeat(32));
const record = { client_id: 'ci', max_priority: { q: 5 } } as unknown as ClientRecord;
const signed = signAccessToken({ signingKeys, clock: new TestClock() }, record);
const withoutKid = jwt.sign({ sub: 'access_token' }, 'k'.repeat(32), { algorithm: 'HS256' });

const tokens: Record<string, string> = {
  'an access token of this server': signed,
  'a token without a kid, as Testflinger servers sign it': withoutKid,
  'a key made by this server': makeServerKey().text,
};

for (const [what, token] of Object.entries(tokens)) {
  test(`${what} is masked at any place in a text`, (t) => {
    for (const [before, after] of [
      ['', ''],
      ['Authorization: Bearer ', '\r\n'],
      ['{"token":"', '"}'],
      ['x', ' and '],
    ] as const) {
      t.is(maskTokens(`${before}${token}${after}`), `${before}***${after}`);
      t.is(maskTokens(`${before}${token}, ${token}${after}`), `${before}***, ***${after}`);
    }
  });

  test(`${what} is masked with the given mark`, (t) => {
    t.is(maskTokens(`a ${token}`, '###'), 'a ###');
  });

  test(`${what} without its last characters is masked`, (t) => {
    t.is(maskTokens(`a ${token.slice(0, -20)}`), 'a ***');
  });
}

const header = signed.split('.')[0] as string;

test('text without the form of a token of this server is returned unchanged', (t) => {
  const others = [
    '',
    'a line\n',
    header,
    `${header}.eyJzdWIiOiJhIn0`,
    `${header}..x`,
    `${header} . a . b`,
    'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln',
    'qpk_abcdefghijkl',
    `qpk_ABCDEFGHIJKL_${'s'.repeat(43)}`,
    `qpk_abcdefghijk_${'s'.repeat(43)}`,
    randomBytes(48).toString('base64url'),
  ];
  for (const text of others) t.is(maskTokens(text), text);
});

test('text around tokens is not changed', (t) => {
  const some = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...Object.values(tokens))));
  const kept = fc.property(some, (parts) => {
    // A space separates tokens from text that could belong to them.
    const isToken = (part: string) => Object.values(tokens).includes(part);
    const expected = parts.map((part) => (isToken(part) ? '***' : part)).join(' ');
    t.is(maskTokens(parts.join(' ')), expected);
  });
  fc.assert(kept);
});

test('texts that are almost tokens are searched quickly', (t) => {
  const mebibyte = 2 ** 20;
  const repeat = (part: string) => part.repeat(mebibyte / part.length);
  for (const text of [
    repeat(header),
    repeat(`${header}.`),
    repeat('qpk_'),
    repeat(`qpk_abcdefghijkl_${'s'.repeat(19)}.`),
  ]) {
    const started = performance.now();
    maskTokens(text);
    t.true(performance.now() - started < 1000);
  }
});

test('a text of many megabytes that begins like a key is masked', (t) => {
  t.is(maskTokens(`${makeServerKey().text}${'a'.repeat(15_000_000)} end`), '*** end');
});
