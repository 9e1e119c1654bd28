import type { Middleware } from 'koa';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { createHostCheck, type HostSettings } from './allowed-host.js';
import { httpErrors } from './errors.js';

/**
 * Creates the middleware that checks a request's line and headers before anything reads its URL, and rewrites a target
 * in absolute form to origin form.
 */
export function createHeadReader(settings: HostSettings): Middleware {
  const isAllowedHost = createHostCheck(settings);
  return (ctx, next) => {
    const { url = '' } = ctx.req;
    const target = readTarget(url);
    // The error handler reads the path, and Koa cannot read that of a malformed target.
    if (target !== url) ctx.url = target ?? '/';
    if (target === undefined || repeatsHeader(ctx.req.rawHeaders))
      throw new ApiError(commonErrors.badRequest);
    // A browser always sends the header; without one, nothing is known against the request.
    const host = readAuthority(url) ?? ctx.req.headers.host;
    if (host !== undefined && !isAllowedHost(host)) throw new ApiError(httpErrors.hostNotAllowed);
    return next();
  };
}

/**
 * Returns a request target in origin form: a path and a query (RFC 9112 section 3.2). Returns `undefined` if the target
 * is not in origin form and is not a valid http URL.
 */
export function readTarget(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const authority = readAuthority(target) ?? '';
  const rest = target.slice(target.indexOf('://') + 3 + authority.length);
  // RFC 9110 section 4.2.4 has servers treat a user name in a target as an error.
  if (authority === '' || authority.includes('@') || !URL.canParse(`http://${authority}`)) return undefined;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Returns the host of a target in absolute form, which takes precedence over the `Host` header (RFC 9112 section 3.2.2). */
function readAuthority(target: string): string | undefined {
  return target.startsWith('/') ? undefined : /^https?:\/\/([^/?#]+)/i.exec(target)?.[1];
}

/**
 * Returns whether `Host` or `Authorization` occurs twice. Node keeps the first value and a proxy in front may keep the
 * last, so the two would not agree on who sends the request or where to.
 * @param raw names and values in turn
 */
function repeatsHeader(raw: readonly string[]): boolean {
  let hosts = 0;
  let authorizations = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    // Every request passes here, and comparing lengths first is the cheapest.
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations += 1;
  }
  return hosts > 1 || authorizations > 1;
}
