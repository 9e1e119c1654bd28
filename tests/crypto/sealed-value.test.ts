import { randomBytes } from 'node:crypto';
import test from 'ava';
import { Binary } from 'mongodb';
import { openBytes, sealBytes } from '../../server/crypto/sealed-bytes.js';
import { openValue, readKeyId, sealValue } from '../../server/crypto/sealed-value.js';
import { readCsfleVectors } from '../support/csfle-vectors.js';

const none = Buffer.alloc(0);

test('the master key decrypts the data key that Testflinger made, and no other key does', (t) => {
  const { masterKey, keyMaterial } = readCsfleVectors();
  t.is(openBytes(masterKey, none, keyMaterial)?.length, 96);
  t.is(openBytes(randomBytes(96), none, keyMaterial), undefined);
});

for (const { key, plaintext, value } of readCsfleVectors().secrets) {
  test(`the value of ${key} that Testflinger encrypted decrypts to its plaintext`, (t) => {
    const { dataKey } = readCsfleVectors();
    t.deepEqual(readKeyId(value), dataKey.id);
    t.is(openValue(dataKey, value), plaintext);
  });
}

test('a value that is encrypted here has the format of Testflinger, differs each time and can be decrypted', (t) => {
  const { dataKey } = readCsfleVectors();
  for (const text of ['', 'a', 'välue', 'x'.repeat(15), 'y'.repeat(16), '\0\n', 'z'.repeat(100_000)]) {
    const sealed = sealValue(dataKey, text);
    t.is(sealed.sub_type, 6);
    t.is(sealed.length(), 18 + 16 + 16 * Math.floor((Buffer.byteLength(text) + 5) / 16 + 1) + 32);
    t.deepEqual(readKeyId(sealed), dataKey.id);
    t.is(openValue(dataKey, sealed), text);
    t.notDeepEqual(sealValue(dataKey, text).buffer, sealed.buffer);
  }
});

test('a value with one byte changed, a truncated value, and a value under another key cannot be decrypted', (t) => {
  const { dataKey } = readCsfleVectors();
  const sealed = Buffer.from(sealValue(dataKey, 'the value').buffer);
  const open = (bytes: Buffer) => openValue(dataKey, new Binary(bytes, 6));
  t.is(open(sealed), 'the value');
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    t.is(open(changed), undefined, `byte ${at}`);
    t.is(open(sealed.subarray(0, at)), undefined, `the first ${at} bytes`);
  }
  t.is(openValue({ ...dataKey, key: randomBytes(96) }, new Binary(sealed, 6)), undefined);
});

test('readKeyId returns undefined for a value of any other format', (t) => {
  const { dataKey } = readCsfleVectors();
  const sealed = Buffer.from(sealValue(dataKey, 'the value').buffer);
  const deterministic = Buffer.from(sealed);
  deterministic[0] = 1;
  const wrong = [undefined, null, 'text', {}, new Binary(sealed, 0), new Binary(sealed.subarray(0, 17), 6)];
  for (const value of [...wrong, new Binary(deterministic, 6)]) t.is(readKeyId(value), undefined);
});

test('a key of the wrong length is refused', (t) => {
  t.throws(() => sealBytes(randomBytes(64), none, none), { instanceOf: TypeError });
  t.throws(() => openBytes(randomBytes(95), none, randomBytes(96)), { instanceOf: TypeError });
});
