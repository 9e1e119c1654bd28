import { createHash } from 'node:crypto';

/** How stored digests of tokens begin, so that a digest is never taken for a token in clear. */
const tokenDigestPrefix = 'sha256:';

/** SHA-256 of bytes or of a text in UTF-8. */
export function sha256(value: string | Uint8Array, encoding: 'hex' | 'base64url'): string {
  return createHash('sha256').update(value).digest(encoding);
}

/** The form in which a random token is stored: `sha256:<hex>`, enough for 256 random bits (OWASP ASVS 6.5.2). */
export function digestToken(token: string): string {
  return tokenDigestPrefix + sha256(token, 'hex');
}

/** Whether a text has the form of a stored digest. */
export function isTokenDigest(text: string): boolean {
  return text.startsWith(tokenDigestPrefix);
}
