import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { sha256 } from '../crypto/digest.js';

/** The prefix of keys made by the server; a client secret must not start with it. */
export const serverKeyPrefix = 'qpk_';

/** A key made by the server: `qpk_<key_id>_<secret>`. */
export interface ServerKey {
  /** 12 characters of a-z and 0-9, which identify the key and are not secret. */
  keyId: string;
  /** 43 characters of base64url, from 256 random bits. */
  secret: string;
}

/** Reads the parts of a key made by the server; returns `undefined` for any other text. */
export function readServerKey(text: string): ServerKey | undefined {
  const match = /^qpk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/.exec(text);
  return match === null ? undefined : { keyId: match[1] as string, secret: match[2] as string };
}

/** Makes a random key, with the text that the client gets once. */
export function makeServerKey(): ServerKey & { text: string } {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
  const keyId = Array.from({ length: 12 }, () => alphabet[randomInt(alphabet.length)]).join('');
  const secret = randomBytes(32).toString('base64url');
  return { keyId, secret, text: `${serverKeyPrefix}${keyId}_${secret}` };
}

/** Returns the stored form of a secret: hex of SHA-256, which suffices for 256 random bits (OWASP ASVS 6.5.2). */
export function digestSecret(secret: string): string {
  return sha256(secret, 'hex');
}

/** Returns whether `digest` is that of `secret`, in constant time. */
export function matchesDigest(secret: string, digest: string): boolean {
  const stored = Buffer.from(digest, 'hex');
  const presented = Buffer.from(digestSecret(secret), 'hex');
  return stored.length === presented.length && timingSafeEqual(stored, presented);
}
