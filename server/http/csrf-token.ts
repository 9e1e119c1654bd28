import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Bytes of the digest, and of the mask in front of it. */
const length = 32;

/**
 * Makes a token that proves that a form comes from a page of this server: a digest under a secret that only the browser's
 * cookie and this server know. Each token has another mask, so that the size of a compressed page never shows its bytes (the
 * attack BREACH).
 * @param secret the value of the cookie: a session id, or the secret of a browser that signs in
 */
export function makeCsrfToken(secret: string): string {
  const mask = randomBytes(length);
  return Buffer.concat([mask, mix(mask, digest(secret))]).toString('base64url');
}

/** Returns whether a token was made with the same secret. */
export function isCsrfToken(token: string | undefined, secret: string): boolean {
  if (token === undefined || secret === '' || !/^[A-Za-z0-9_-]{86}$/.test(token)) return false;
  const bytes = Buffer.from(token, 'base64url');
  return timingSafeEqual(mix(bytes.subarray(0, length), bytes.subarray(length)), digest(secret));
}

function digest(secret: string): Buffer {
  return createHmac('sha256', secret).update('queuepass csrf token').digest();
}

function mix(mask: Buffer, bytes: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ (mask[i] as number)));
}
