import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { OwnOrigin } from '../http/own-origin.js';
import { sessionErrors } from './errors.js';

/** The settings that cookies depend on. */
export interface CookieSettings {
  basePath: string;
  insecureCookies: boolean;
}

/** The cookies of this server, by what they hold. */
export type CookieKind = 'session' | 'login';

/** A secret of 32 random bytes, as this server puts it into cookies. */
const secretForm = /^[A-Za-z0-9_-]{43}$/;

/**
 * Returns the name of a cookie. Browsers take `__Host-` cookies only over https, from the host itself and for all its paths
 * (RFC 6265bis section 4.1.3.2), so no other host can set one. Servers with different base paths on one host have
 * different names.
 */
export function presentCookieName(kind: CookieKind, { basePath, insecureCookies }: CookieSettings): string {
  const suffix = basePath === '' ? '' : `_${sha256(basePath, 'hex').slice(0, 8)}`;
  return `${insecureCookies ? '' : '__Host-'}queuepass_${kind}${suffix}`;
}

/** Returns the secret in a cookie, or `undefined` if the cookie is absent or was not made by this server. */
export function readCookie(
  kind: CookieKind,
  config: CookieSettings,
  { cookie }: { cookie(name: string): string | undefined },
): string | undefined {
  const value = cookie(presentCookieName(kind, config));
  return value !== undefined && secretForm.test(value) ? value : undefined;
}

/** Returns the `Set-Cookie` header that stores a secret. @param seconds how long; until the browser ends by default, 0 removes it */
export function presentCookie(
  kind: CookieKind,
  config: CookieSettings,
  { value, seconds }: { value: string; seconds?: number },
): string {
  const parts = [`${presentCookieName(kind, config)}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Lax'];
  if (!config.insecureCookies) parts.push('Secure');
  if (seconds !== undefined) parts.push(`Max-Age=${seconds}`);
  return parts.join('; ');
}

/** Returns whether a person can sign in where the client reaches this server: not over plain http from another machine. */
export function canSignInAt(
  { insecureCookies }: Pick<CookieSettings, 'insecureCookies'>,
  { isHttps, isLoopback }: Pick<OwnOrigin, 'isHttps' | 'isLoopback'>,
): boolean {
  return isHttps || isLoopback || insecureCookies;
}

/** Checks that a person can sign in where the client reaches this server. @throws ApiError 400 over plain http from another machine */
export function checkSignInOrigin(
  config: Pick<CookieSettings, 'insecureCookies'>,
  origin: Pick<OwnOrigin, 'isHttps' | 'isLoopback'>,
): void {
  if (canSignInAt(config, origin)) return;
  throw new ApiError(sessionErrors.needsHttps, { reason: 'plain http' });
}
