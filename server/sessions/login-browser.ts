import { randomBytes } from 'node:crypto';
import { type CookieSettings, presentCookie, readCookie } from './cookies.js';

/** Seconds that a browser has to sign in. */
export const signInSeconds = 600;

/**
 * Returns the secret of a browser that is about to sign in, with the `Set-Cookie` header that stores it for ten more minutes. An
 * earlier secret is kept, so that two tabs do not break each other.
 */
export function prepareLoginBrowser(
  config: CookieSettings,
  request: { cookie(name: string): string | undefined },
): { secret: string; cookie: string } {
  const secret = readCookie('login', config, request) ?? randomBytes(32).toString('base64url');
  return { secret, cookie: presentCookie('login', config, { value: secret, seconds: signInSeconds }) };
}
