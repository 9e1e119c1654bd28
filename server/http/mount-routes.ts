import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { authenticate, checkRole } from '../auth/authenticate.js';
import type { Caller } from '../principal/principal.js';
import { verifyOwnKey } from '../auth/verify-own-key.js';
import type { Deps } from '../deps.js';
import { answerInTime } from './answer-in-time.js';
import { limitBodyTime } from './body-time.js';
import type { ClientAddress } from './client-address.js';
import { ApiError } from '../errors/api-error.js';
import { parseBody, parseQuery } from './parse-input.js';
import { readWait } from './prefer-wait.js';
import type { Reply } from './reply.js';
import type { AnyRoute, RouteRequest } from './route.js';
import { takeBackIfUnsent } from './take-back.js';
import { type OpenUpload, openUpload } from './upload.js';

/** What earlier middleware leaves for the routes and for the log line. */
export interface RequestState {
  requestId: string;
  address: ClientAddress;
  route?: AnyRoute;
  caller?: Caller;
  /** Lifts the limit to the time that the body may take. */
  allowLongBody: () => void;
  /** The job that the request is about, for the log line. */
  jobId?: string;
}

/**
 * Mounts every route of the list under the base path, and the answers for all other paths and methods. The router tries one
 * route after the other, so that each start of paths has a router of its own.
 */
export function mountRoutes(deps: Deps, routes: readonly AnyRoute[]): Middleware {
  const { basePath } = deps.config;
  const routers = new Map<string, Middleware>();
  for (const start of new Set(routes.map(({ path }) => startOf(path)))) {
    const group = routes.filter(({ path }) => startOf(path) === start);
    routers.set(start, createRouter(deps, group).routes() as unknown as Middleware);
  }
  const whole = createRouter(deps, routes);
  return (ctx, next) => {
    (ctx.state as RequestState).allowLongBody = limitBodyTime(ctx.req);
    const path = ctx.path.startsWith(basePath) ? ctx.path.slice(basePath.length) : ctx.path;
    const refuse = () => refuseUnknown(whole, ctx, next);
    const serve = routers.get(startOf(path));
    return serve ? serve(ctx, refuse) : refuse();
  };
}

/** The first two parts of a path, where no route has a parameter. */
function startOf(path: string): string {
  const [, first = '', second = ''] = path.split('/', 3);
  return `${first}/${second}`;
}

function createRouter(deps: Deps, routes: readonly AnyRoute[]): Router {
  const router = new Router({ sensitive: true });
  for (const declared of routes) {
    for (const path of pathsOf(declared, deps.config.basePath)) {
      const layer = router.register(
        path,
        [declared.method],
        [(ctx) => serveRoute(deps, declared, ctx as unknown as Context)],
      );
      // The router lets a GET answer HEAD too.
      if (declared.refuseHead && 'methods' in layer) layer.methods = [declared.method];
    }
  }
  return router;
}

/** Health checks know no base path, so those routes answer at the root too. */
function pathsOf({ path, wildcard, atRootToo }: AnyRoute, basePath: string): string[] {
  const named = wildcard ? path.replace(/\{(\w+)\}$/, '*$1') : path;
  const pattern = named.replaceAll(/\{(\w+)\}/g, ':$1');
  return basePath && atRootToo ? [basePath + pattern, pattern] : [basePath + pattern];
}

/** A trailing slash makes no difference; the router drops it for all routes but those that end in a wildcard. */
function readParams({ path, wildcard }: AnyRoute, ctx: Context): Record<string, string> {
  const params = ctx.params as Record<string, string>;
  if (!wildcard) return params;
  const last = /\{(\w+)\}$/.exec(path)?.[1] ?? '';
  return { ...params, [last]: params[last]?.replace(/\/$/, '') ?? '' };
}

async function serveRoute(deps: Deps, declared: AnyRoute, ctx: Context): Promise<void> {
  const state = ctx.state as RequestState;
  state.route = declared;
  const params = readParams(declared, ctx);
  state.caller = await identify(deps, declared, ctx, params);
  if (declared.redirectSlash && ctx.path.endsWith('/')) return writeReply(ctx, redirectBeside(declared));
  const query = parseQuery(new URLSearchParams(ctx.querystring), declared);
  const upload = await receiveUpload(deps, declared, ctx);
  const body = upload ?? (await parseBody(ctx.req, declared.body));
  const request: RouteRequest = {
    params,
    query,
    body,
    caller: state.caller,
    source: state.address.source,
    secure: state.address.secure,
    header: (name) => readHeader(ctx, name),
    cookie: (name) => ctx.cookies.get(name),
    isGone: () => ctx.req.socket.destroyed,
    onGone(listener) {
      // Of a connection that was closed before nothing more is told.
      if (ctx.req.socket.destroyed) listener();
      ctx.res.once('close', listener);
      return () => ctx.res.off('close', listener);
    },
    waitSeconds: declared.waits ? readWait(readHeader(ctx, 'prefer')) : 0,
    noteJob: (jobId) => {
      state.jobId = jobId;
    },
  };
  const reply = await answerInTime(deps, declared.handle(deps, request as never), {
    bodyEnd: upload?.ended,
    waitSeconds: request.waitSeconds,
  }).finally(() => upload?.discard());
  if (reply.ifUnsent) takeBackIfUnsent(deps, ctx.res, reply.ifUnsent);
  writeReply(ctx, reply);
  if (request.waitSeconds > 0) ctx.set('Preference-Applied', `wait=${request.waitSeconds}`);
  if (declared.noStore) ctx.set('Cache-Control', 'no-store');
}

/** From the path with a slash to the one without; relative, since a proxy may have cut a prefix from it. */
function redirectBeside({ path }: AnyRoute): Reply {
  return { status: 308, headers: { Location: `..${path.slice(path.lastIndexOf('/'))}` } };
}

async function receiveUpload(deps: Deps, { body }: AnyRoute, ctx: Context): Promise<OpenUpload | undefined> {
  if (body?.mode !== 'multipart') return undefined;
  (ctx.state as RequestState).allowLongBody();
  return openUpload(ctx.req, deps.config.maxUploadMib * 1024 * 1024);
}

/** The role is checked before anything else of the request is looked at. */
async function identify(
  deps: Deps,
  { access }: AnyRoute,
  ctx: Context,
  params: Record<string, string>,
): Promise<Caller> {
  if (access === 'public') return { role: '' };
  const header = readHeader(ctx, 'authorization');
  const ownKey = access.orOwnClientKey && !header ? readHeader(ctx, 'client-key') : undefined;
  if (ownKey !== undefined) {
    return verifyOwnKey(deps, params.client_id ?? '', ownKey, (ctx.state as RequestState).address.source);
  }
  const caller = authenticate(deps, header);
  // Before the role is checked, so that a refusal tells whose it was.
  (ctx.state as RequestState).caller = caller;
  checkRole(caller, access);
  return caller;
}

function readHeader(ctx: Context, name: string): string | undefined {
  const value = ctx.req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Writes an answer; text goes out as bytes so that Koa does not change its type. */
export function writeReply(ctx: Context, reply: Reply): void {
  ctx.status = reply.status;
  if (reply.headers) ctx.set(reply.headers);
  const body = reply.stream ?? reply.body;
  if (body === undefined) {
    ctx.body = null;
    ctx.status = reply.status;
    return;
  }
  ctx.set('Content-Type', reply.type ?? 'application/json');
  ctx.body = body;
}

async function refuseUnknown(router: Router, ctx: Context, next: () => Promise<unknown>): Promise<void> {
  await next();
  const methods = router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods);
  if (methods.length === 0) throw new ApiError('not_found', { message: `Not found: ${ctx.path}` });
  throw new ApiError('method_not_allowed', { headers: { Allow: [...new Set(methods)].sort().join(', ') } });
}
