import { createHash } from 'node:crypto';

/** The prefix of stored token digests, which distinguishes a digest from a plaintext token. */
const tokenDigestPrefix = 'sha256:';

/** Returns the SHA-256 digest of bytes, or of a text in UTF-8. */
export function sha256(value: string | Uint8Array, encoding: 'hex' | 'base64url'): string {
  return createHash('sha256').update(value).digest(encoding);
}

/**
 * Returns the form in which a random token is stored: `sha256:<hex>`. An unsalted digest suffices for 256 random bits
 * (OWASP ASVS 6.5.2).
 */
export function digestToken(token: string): string {
  return tokenDigestPrefix + sha256(token, 'hex');
}

/** Returns whether a text has the form of a stored digest. */
export function isTokenDigest(text: string): boolean {
  return text.startsWith(tokenDigestPrefix);
}
