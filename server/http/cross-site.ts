import { ApiError } from '../errors/api-error.js';
import { isCsrfToken } from './csrf-token.js';
import { httpErrors } from './errors.js';

/** The methods that change nothing (RFC 9110 section 9.2.1). */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The parts of a request that show which page caused it. */
export interface SentFrom {
  method: string;
  header(name: string): string | undefined;
  /** The origin at which clients reach this server. */
  readonly origin: { origin: string };
}

/** Returns whether a request may change something, so that it must come from a page of this server. */
export function needsCsrfToken({ method }: Pick<SentFrom, 'method'>): boolean {
  return !safeMethods.has(method);
}

/**
 * Checks that a request comes from a page of this server: as the browser states in `Sec-Fetch-Site`, or, where it has no such
 * header, in `Origin`.
 * @throws ApiError 403
 */
export function checkSameOrigin({ header, origin }: SentFrom): void {
  const site = header('sec-fetch-site');
  const isSame = site === undefined ? header('origin') === origin.origin : site === 'same-origin';
  if (!isSame) throw new ApiError(httpErrors.crossSite, { reason: 'not from a page of this server' });
}

/**
 * Checks the token that only a page of this server can know: the header `X-CSRF-Token`, or the form's field `csrf_token`.
 * @param secret what the token is bound to: the request's session id, or its secret of a browser that signs in
 * @throws ApiError 403
 */
export function checkCsrfToken(token: string | undefined, secret: string): void {
  if (isCsrfToken(token, secret)) return;
  const reason = secret === '' ? 'no cookie' : token === undefined ? 'no CSRF token' : 'wrong CSRF token';
  throw new ApiError(httpErrors.crossSite, { reason });
}
