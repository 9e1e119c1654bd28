import type { Context } from 'koa';
import type { Principal } from '../principal/principal.js';
import { checkCsrfToken, checkSameOrigin, needsCsrfToken } from './cross-site.js';
import { cutIdleReader } from './cut-idle-reader.js';
import type { MountDeps } from './mount-deps.js';
import { type OwnOrigin, readOwnOrigin } from './own-origin.js';
import { parseBody, parseQuery } from './parse-input.js';
import { readWait } from './prefer-wait.js';
import type { Reply } from './reply.js';
import type { RequestState } from './request-state.js';
import type { AnyRoute, RouteRequest } from './route.js';
import type { CredentialRequest } from './scheme.js';
import { limitTime } from './time-limit.js';
import { undoIfUnsent } from './undo-unsent.js';
import { deferUpload } from './upload.js';

/**
 * Identifies who calls a route, and refuses callers without the required role. It calls `found` with the caller before
 * it refuses them, so that the log names them.
 * @returns the credential, if browsers send it by themselves
 * @throws ApiError 401 or 403
 */
export type IdentifyCaller = (
  route: AnyRoute,
  request: CredentialRequest,
  found: (caller: Principal) => void,
) => string | undefined | Promise<string | undefined>;

/** Serves one request of a route: identifies the caller, reads the input, then runs the handler. */
export async function serveRoute<D extends MountDeps>(
  deps: D,
  declared: AnyRoute<D>,
  ctx: Context,
  identifyCaller: IdentifyCaller,
): Promise<void> {
  const state = ctx.state as RequestState;
  state.route = declared;
  const params = ctx.params as Record<string, string>;
  // The v1 contract checks the role before anything else in the request.
  const credentials = makeCredentialRequest(ctx, state, params);
  const csrfSecret = await identifyCaller(declared, credentials, (caller) => {
    state.principal = caller;
  });
  const checkToken = guardAgainstCrossSite(deps, declared, ctx, csrfSecret);
  if (declared.redirectSlash && ctx.path.endsWith('/'))
    return writeReply(ctx, redirectWithoutSlash(declared));
  const query = parseQuery(new URLSearchParams(ctx.querystring), declared);
  const upload = declared.body?.mode === 'multipart' ? awaitUpload(deps, ctx) : undefined;
  const body = upload ?? (await readBody(deps, declared, ctx));
  checkToken?.(body as { csrf_token?: string });
  const request = new ServedRequest(deps, declared, ctx, { params, query, body, csrfSecret });
  let reply: Reply;
  try {
    const handled = declared.handle(deps, request as never);
    // The handler reads the body of an upload itself.
    const read = upload ? state.bodyTimer.refuseIfSlow(Promise.resolve(handled)) : handled;
    reply = await limitTime(deps.log, read, {
      pause: upload?.transfer,
      waitSeconds: request.waitSeconds + (declared.outboundSeconds ?? 0),
    });
  } finally {
    upload?.discard();
  }
  if (reply.undoIfUnsent) undoIfUnsent(deps.log, ctx.res, reply.undoIfUnsent);
  writeReply(ctx, reply);
  if (request.waitSeconds > 0) ctx.set('Preference-Applied', `wait=${request.waitSeconds}`);
  if (declared.noStore) ctx.set('Cache-Control', 'no-store');
}

/**
 * Checks that a request that changes something, with a credential that browsers send by themselves, comes from a page of this
 * server. The only place that does.
 * @returns for a form: the check of its field, once it is read
 */
function guardAgainstCrossSite(
  deps: MountDeps,
  { body }: AnyRoute,
  ctx: Context,
  secret: string | undefined,
): ((form: { csrf_token?: string }) => void) | undefined {
  if (secret === undefined || !needsCsrfToken(ctx)) return undefined;
  const header = (name: string) => readHeader(ctx, name);
  checkSameOrigin({ method: ctx.method, header, origin: readOrigin(deps, ctx) });
  const token = header('x-csrf-token');
  if (token === undefined && body?.mode === 'form') return (form) => checkCsrfToken(form.csrf_token, secret);
  checkCsrfToken(token, secret);
  return undefined;
}

function readOrigin({ config }: MountDeps, ctx: Context): OwnOrigin {
  const { secure, forwardedHost } = (ctx.state as RequestState).address;
  return readOwnOrigin(config, { host: forwardedHost ?? ctx.req.headers.host, secure });
}

function makeCredentialRequest(
  ctx: Context,
  { address, requestId }: RequestState,
  params: Record<string, string>,
): CredentialRequest {
  return {
    params,
    header: (name) => readHeader(ctx, name),
    cookie: (name) => ctx.cookies.get(name),
    source: address.source,
    requestId,
  };
}

type Input = Pick<RouteRequest, 'query' | 'body' | 'csrfSecret'> & { params: Record<string, string> };

/**
 * A request as its handler gets it. A class, since a literal with a getter costs each request much more time than one on the
 * prototype.
 */
class ServedRequest implements RouteRequest {
  readonly params: Record<string, string>;
  readonly query: unknown;
  readonly body: unknown;
  readonly csrfSecret: string | undefined;
  readonly principal: Principal;
  readonly secure: boolean;
  readonly target: string;
  readonly waitSeconds: number;
  readonly header: RouteRequest['header'];
  readonly cookie: RouteRequest['cookie'];
  readonly isGone: RouteRequest['isGone'];
  readonly onGone: RouteRequest['onGone'];
  readonly noteJob: RouteRequest['noteJob'];
  readonly #deps: MountDeps;
  readonly #ctx: Context;

  constructor(deps: MountDeps, declared: AnyRoute, ctx: Context, input: Input) {
    const state = ctx.state as RequestState;
    this.#deps = deps;
    this.#ctx = ctx;
    this.params = input.params;
    this.query = input.query;
    this.body = input.body;
    this.csrfSecret = input.csrfSecret;
    this.principal = state.principal as Principal;
    this.secure = state.address.secure;
    this.target = ctx.originalUrl;
    this.header = (name) => readHeader(ctx, name);
    this.cookie = (name) => ctx.cookies.get(name);
    this.isGone = () => ctx.req.socket.destroyed;
    this.onGone = (listener) => {
      // A connection that is already closed emits no further event.
      if (ctx.req.socket.destroyed) listener();
      ctx.res.once('close', listener);
      return () => ctx.res.off('close', listener);
    };
    this.waitSeconds = declared.waits ? readWait(readHeader(ctx, 'prefer')) : 0;
    this.noteJob = (jobId) => {
      state.jobId = jobId;
    };
  }

  get origin(): OwnOrigin {
    return readOrigin(this.#deps, this.#ctx);
  }
}

/** Redirects to the path without the trailing slash; relative, since a proxy may have removed a prefix from the path. */
function redirectWithoutSlash({ path }: AnyRoute): Reply {
  return { status: 308, headers: { Location: `..${path.slice(path.lastIndexOf('/'))}` } };
}

function awaitUpload({ config }: MountDeps, ctx: Context): ReturnType<typeof deferUpload> {
  const limit = config.maxUploadMib * 1024 * 1024;
  return deferUpload(ctx.req, limit);
}

function readBody({ config }: MountDeps, { body }: AnyRoute, ctx: Context): Promise<unknown> | undefined {
  if (body === undefined) return undefined;
  const { bodyTimer } = ctx.state as RequestState;
  return bodyTimer.refuseIfSlow(parseBody(ctx.req, body, config.maxBodyValues));
}

function readHeader(ctx: Context, name: string): string | undefined {
  const value = ctx.req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Characters of a response that fit into the buffers of a connection, even if the client reads nothing. */
const maxQuickLength = 64 * 1024;

/** Writes a reply to Koa's context: the type before the body, so that Koa does not choose one. */
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
  if (typeof body === 'object' || body.length > maxQuickLength) cutIdleReader(ctx.res);
}
