import type { Context, Middleware } from 'koa';
import type { Core } from '../core/core.js';
import type { ApiError } from '../errors/api-error.js';
import { type ErrorFamily, findFamilyOf } from '../errors/families.js';
import { type OwnOrigin, readOwnOrigin } from './own-origin.js';
import type { Reply } from './reply.js';
import type { RequestState } from './request-state.js';
import { nameOfRoute } from './route.js';
import { challengeOf } from './scheme.js';
import { writeReply } from './serve-route.js';
import { toApiError } from './to-api-error.js';

/**
 * Creates the middleware that responds to every error: an `ApiError` has its own response, a database error becomes 413
 * or 503, and any other error 500. The route's family presents the error; for an unknown path, the family of its prefix.
 * A 401 names the credential schemes of its route.
 * @param signInPath the path, without the base path, at which people sign in
 */
export function createErrorHandler(
  deps: Core,
  families: readonly ErrorFamily[],
  schemes: Parameters<typeof challengeOf>[1] = {},
  signInPath?: string,
): Middleware {
  const byName = new Map(families.map((family) => [family.name, family]));
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      const { requestId, route } = ctx.state as RequestState;
      if (error.status >= 500) {
        // The stack of an error that the server itself decides on, such as `busy`, would show nothing but that decision.
        const { cause, code } = error;
        const details = cause === undefined ? { code } : { err: cause };
        deps.log.error({ request_id: requestId, ...details }, error.message);
      }
      await logRefusal(deps, error, ctx);
      const path = pathOf(ctx, deps);
      const wanted = route?.family ?? (wantsPage(ctx, path) ? 'html' : '');
      const family = byName.get(wanted) ?? findFamilyOf(path, families);
      writeReply(ctx, presentError(deps, family, error, ctx, signInPath));
      const challenge = error.status === 401 && route ? challengeOf(route, schemes) : undefined;
      if (challenge !== undefined && !error.headers['WWW-Authenticate'])
        ctx.set('WWW-Authenticate', challenge);
      if (route?.noStore) ctx.set('Cache-Control', 'no-store');
    }
  };
}

function presentError(
  { config }: Core,
  family: ErrorFamily,
  error: ApiError,
  ctx: Context,
  signInPath: string | undefined,
): Reply {
  const { requestId, route, principal } = ctx.state as RequestState;
  const { basePath, isHttps } = findOrigin(config, ctx);
  const next = ctx.method === 'GET' ? `?next=${encodeURIComponent(ctx.originalUrl)}` : '';
  const { headers, ...body } = family.present(error, {
    requestId,
    basePath,
    isHttps,
    route: route && nameOfRoute(route),
    caller: principal,
    ...(signInPath !== undefined && { signIn: basePath + signInPath + next }),
  });
  return { ...body, status: error.status, headers: { ...headers, ...error.headers } };
}

/** Returns whether a request that no route serves comes from a browser that expects a page. */
function wantsPage(ctx: Context, path: string): boolean {
  return /\btext\/html\b/.test(ctx.get('accept')) && !/^\/(v1|oidc)(\/|$)/.test(path);
}

/** Returns where the client reaches the server. The request itself may be the error, so nothing is thrown. */
function findOrigin(config: Core['config'], ctx: Context): Pick<OwnOrigin, 'basePath' | 'isHttps'> {
  const { address } = ctx.state as Partial<RequestState>;
  const { secure = false, forwardedHost } = address ?? {};
  try {
    return readOwnOrigin(config, { host: forwardedHost ?? ctx.req.headers.host, secure });
  } catch {
    return { basePath: config.basePath, isHttps: secure };
  }
}

function pathOf(ctx: Context, { config: { basePath } }: Core): string {
  return ctx.path.startsWith(basePath) ? ctx.path.slice(basePath.length) || '/' : ctx.path;
}

/** Writes the security event that the error's row names; logins write their own. */
async function logRefusal({ audit }: Core, error: ApiError, ctx: Context): Promise<void> {
  if (error.row.audit === undefined) return;
  const { principal, address, route } = ctx.state as RequestState;
  await audit({
    event: error.row.audit,
    outcome: 'refused',
    ...(principal?.actor !== undefined && { actor: principal.actor, actor_kind: principal.kind }),
    // The route and not the path, since clients put keys in paths by mistake.
    ...(route && { target: nameOfRoute(route) }),
    source: address.source,
    reason: error.reason ?? error.code,
  });
}
