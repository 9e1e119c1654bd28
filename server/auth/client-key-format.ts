import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { sha256 } from '../crypto/digest.js';

/** How keys made by the server begin; no client secret may begin so. */
export const serverKeyPrefix = 'qpk_';

/** A key made by the server: `qpk_<key_id>_<secret>`. */
export interface ServerKey {
  /** 12 characters of a-z and 0-9: names the key, and is no secret. */
  keyId: string;
  /** 43 characters of base64url: 256 random bits. */
  secret: string;
}

/** The parts of a key made by the server, or `undefined` for any other text. */
export function readServerKey(text: string): ServerKey | undefined {
  const match = /^qpk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/.exec(text);
  return match === null ? undefined : { keyId: match[1] as string, secret: match[2] as string };
}

/** A new random key and the text that its client is given, once. */
export function makeServerKey(): ServerKey & { text: string } {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const keyId = Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('');
  const secret = randomBytes(32).toString('base64url');
  return { keyId, secret, text: `${serverKeyPrefix}${keyId}_${secret}` };
}

/** The form in which a secret is stored: hex of SHA-256, enough for 256 random bits (OWASP ASVS 6.5.2). */
export function digestSecret(secret: string): string {
  return sha256(secret, 'hex');
}

/** Whether the secret is the one of that digest, in constant time. */
export function isSecretOf(secret: string, digest: string): boolean {
  const stored = Buffer.from(digest, 'hex');
  const presented = Buffer.from(digestSecret(secret), 'hex');
  return stored.length === presented.length && timingSafeEqual(stored, presented);
}
