import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Length of a key in bytes: 32 each for the MAC, for encryption, and for the IVs of deterministic encryption (unused
 * here).
 */
export const sealKeyBytes = 96;

const ivBytes = 16;
const tagBytes = 32;
const blockBytes = 16;

/**
 * Seals bytes as MongoDB's client-side field level encryption does (AEAD_AES_256_CBC_HMAC_SHA_512 in its
 * specification): a random IV, the AES-256-CBC ciphertext with PKCS#7 padding, and a tag over `aad`, the IV, the
 * ciphertext and the length of `aad`.
 * @param key 96 bytes
 */
export function sealBytes(key: Buffer, aad: Buffer, plain: Buffer): Buffer {
  const { mac, encryption } = splitKey(key);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-cbc', encryption, iv);
  const text = Buffer.concat([iv, cipher.update(plain), cipher.final()]);
  return Buffer.concat([text, makeTag(mac, aad, text)]);
}

/**
 * Returns the bytes that were sealed, or `undefined` if `sealed` was not made with this key and `aad`, or was changed
 * since.
 */
export function openBytes(key: Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < ivBytes + blockBytes + tagBytes) return undefined;
  const { mac, encryption } = splitKey(key);
  const text = sealed.subarray(0, -tagBytes);
  if (!timingSafeEqual(makeTag(mac, aad, text), sealed.subarray(-tagBytes))) return undefined;
  const decipher = createDecipheriv('aes-256-cbc', encryption, text.subarray(0, ivBytes));
  try {
    return Buffer.concat([decipher.update(text.subarray(ivBytes)), decipher.final()]);
  } catch {
    // The tag is right, so a holder of the key sealed an incomplete block or wrong padding.
    return undefined;
  }
}

function splitKey(key: Buffer): { mac: Buffer; encryption: Buffer } {
  if (key.length !== sealKeyBytes) throw new TypeError(`a key has ${sealKeyBytes} bytes`);
  return { mac: key.subarray(0, 32), encryption: key.subarray(32, 64) };
}

function makeTag(mac: Buffer, aad: Buffer, text: Buffer): Buffer {
  const bits = Buffer.alloc(8);
  bits.writeBigUInt64BE(BigInt(aad.length) * 8n);
  return createHmac('sha512', mac).update(aad).update(text).update(bits).digest().subarray(0, tagBytes);
}
