import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { BodyTimer } from './body-time.js';
import { createSlashCollapser } from './collapse-slashes.js';
import type { MountDeps } from './mount-deps.js';
import { literalPrefix, PrefixTable } from './prefix-table.js';
import { readTarget } from './request-head.js';
import type { RequestState } from './request-state.js';
import { type AnyRoute, nameOfRoute } from './route.js';
import { type IdentifyCaller, serveRoute } from './serve-route.js';

/**
 * Mounts every route of a list under the base path, and the responses for all other paths and methods. A router tries
 * its routes one after the other, so each literal prefix has its own router; a request tries the routers of its path's
 * prefixes, the longest first.
 * @param identifyCaller identifies who calls a route, and refuses callers without the required role
 * @throws Error when two routes match the same requests
 */
export function mountRoutes<D extends MountDeps>(
  deps: D,
  allRoutes: readonly AnyRoute<D>[],
  identifyCaller: IdentifyCaller,
): Middleware {
  checkDistinct(allRoutes);
  const routes = allRoutes.filter(({ isOn }) => isOn?.(deps) ?? true);
  const { basePath } = deps.config;
  const create = (group: readonly AnyRoute<D>[]) => createRouter(deps, group, identifyCaller);
  const table = new PrefixTable<Middleware>();
  for (const prefix of new Set(routes.map(({ path }) => literalPrefix(path)))) {
    const group = routes.filter(({ path }) => literalPrefix(path) === prefix);
    table.set(prefix, create(group).routes() as unknown as Middleware);
  }
  const whole = create(routes);
  const collapseSlashes = createSlashCollapser(basePath, routes);
  return (ctx, next) => {
    (ctx.state as RequestState).bodyTimer = new BodyTimer(ctx.req, ctx.res, deps.bodyTimes);
    if (ctx.path.includes('//')) ctx.path = collapseSlashes(ctx.path);
    const path = ctx.path.startsWith(basePath) ? ctx.path.slice(basePath.length) : ctx.path;
    const routers = table.find(path);
    const tryFrom = (n: number): Promise<unknown> =>
      routers[n]?.(ctx, () => tryFrom(n + 1) as Promise<never>) ?? refuseUnknown(whole, ctx, next);
    return tryFrom(0);
  };
}

/** @throws Error when two routes match the same requests: the list would not show which one serves them */
function checkDistinct(routes: readonly AnyRoute[]): void {
  const seen = new Map<string, string>();
  for (const declared of routes) {
    const name = nameOfRoute(declared);
    const shape = name.replaceAll(/\{\w+\}/g, '{}');
    const earlier = seen.get(shape);
    if (earlier !== undefined) throw new Error(`${name} matches the same requests as ${earlier}`);
    seen.set(shape, name);
  }
}

function createRouter<D extends MountDeps>(
  deps: D,
  routes: readonly AnyRoute<D>[],
  identifyCaller: IdentifyCaller,
): Router {
  const router = new Router({ sensitive: true });
  for (const declared of routes) {
    for (const path of pathsOf(declared, deps.config.basePath)) {
      const layer = router.register(
        path,
        [declared.method],
        [(ctx) => serveRoute(deps, declared, ctx as unknown as Context, identifyCaller)],
      );
      // The router also sends HEAD requests to a GET route.
      if (declared.refuseHead && 'methods' in layer) layer.methods = [declared.method];
    }
  }
  return router;
}

/** Returns a route's paths; health checks do not know the base path, so their routes are at the root too. */
function pathsOf({ path, wildcard, alsoAtRoot }: AnyRoute, basePath: string): string[] {
  const named = wildcard ? path.replace(/\{(\w+)\}$/, '*$1') : path;
  const pattern = named.replaceAll(/\{(\w+)\}/g, ':$1');
  if (basePath && alsoAtRoot) return [basePath + pattern, pattern];
  // The start page is also at the base path without a slash.
  return basePath && path === '/' ? [basePath, basePath + pattern] : [basePath + pattern];
}

async function refuseUnknown(router: Router, ctx: Context, next: () => Promise<unknown>): Promise<void> {
  await next();
  const methods = router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods);
  if (methods.length === 0) {
    const sent = readTarget(ctx.originalUrl)?.replace(/[?#].*$/s, '') ?? ctx.path;
    throw new ApiError(commonErrors.notFound, { message: `Not found: ${sent}` });
  }
  throw new ApiError(commonErrors.methodNotAllowed, {
    headers: { Allow: [...new Set(methods)].sort().join(', ') },
  });
}
