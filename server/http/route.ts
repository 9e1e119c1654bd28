import type { z } from 'zod';
import type { ErrorRow } from '../errors/error-row.js';
import type { Principal } from '../principal/principal.js';
import type { Role } from '../principal/roles.js';
import type { OwnOrigin } from './own-origin.js';
import type { Reply } from './reply.js';

/** The `{name}` parameters of a path, as an object of strings. */
type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name | keyof PathParams<Rest>]: string }
  : unknown;

/** Who may call a route: callers with one of the listed roles. */
export interface Access {
  roles: readonly Role[];
  /** The 403 names the roles in the order of `roles`, not of their rank. */
  namesRolesAsListed?: boolean;
  /** Names of the credential schemes that the route accepts, in the order in which they are tried; default `accessToken`, then `session`. */
  schemes?: readonly string[];
  /** Callers without a credential get 401, also where `ANONYMOUS_ACCESS` allows them. */
  refusesAnonymous?: boolean;
  /** The access token of a client that was removed or is disabled gets 401, instead of holding until it expires. */
  refusesRemoved?: boolean;
  /** Managers or admins may read more than the other callers, so a token's role counts only if its client still has it. */
  readsDependOnRole?: boolean;
}

/** A route that anybody may call, and that wants to know who calls if the request has one of these credentials. */
export interface OpenAccess {
  anyone: true;
  /** Names of the credential schemes, as those of `Access`. */
  schemes: readonly string[];
}

/**
 * How a body is read: `json` (by the rules of the v1 contract), `form` (RFC 6749 section 2.3.1), or `multipart`, whose
 * file the handler gets as a stream once it opens the body (its schema is `uploadSchema`).
 */
interface BodySpec<B extends z.ZodType> {
  mode: 'json' | 'form' | 'multipart';
  schema: B;
  /** Maximum bytes; default 1 MiB. For `multipart` it is always `MAX_UPLOAD_MIB`. */
  limit?: number;
  /**
   * For `form`: the error for every form that cannot be read, and for a field of the schema that is sent more than once.
   * Without it, forms have the errors of other bodies, and the last value counts.
   */
  formError?: ErrorRow;
}

/** One successful response, for the OpenAPI document. */
interface AnswerSpec {
  description: string;
  /** JSON of this schema, plain text, no body, or a file of this type. */
  content: z.ZodType | 'text' | 'none' | { file: NonNullable<Reply['type']> };
  /** The response can be plain text instead of JSON. */
  orText?: boolean;
}

/** A request as its handler gets it. */
export interface RouteRequest<P = unknown, Q = unknown, B = unknown> {
  params: P;
  query: Q;
  body: B;
  /** Who calls. */
  principal: Principal;
  /** One header's value, or `undefined`; header names are lower case. */
  header(name: string): string | undefined;
  /** The value of a cookie, or `undefined`. */
  cookie(name: string): string | undefined;
  /** The client uses https, as a trusted proxy reports. */
  secure: boolean;
  /** Where the client reaches this server. */
  readonly origin: OwnOrigin;
  /** The path and the query as sent: nothing decoded, no slash left out. */
  readonly target: string;
  /** The secret that the forms of the response are bound to (`makeCsrfToken`): that of the request's ambient credential. */
  csrfSecret: string | undefined;
  /** Returns whether the client has closed the connection and could not receive a response. */
  isGone(): boolean;
  /** Calls `listener` when the client closes the connection or the response is sent. @returns a function that removes the listener */
  onGone(listener: () => void): () => void;
  /** Seconds that the client will wait for a response, 0 to 60; 0 unless the route has `waits`. */
  waitSeconds: number;
  /** Records the id of the request's job for the log line. */
  noteJob(jobId: string): void;
}

/**
 * One route: everything that router, authorization, validation, OpenAPI and the role-matrix test need to know.
 * `D` is the dependencies that its handler needs.
 */
export interface Route<
  D,
  P extends string = string,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** In OpenAPI's notation: `/v1/job/{job_id}`. */
  path: P;
  /** The path's last parameter can contain slashes, also at its end. */
  wildcard?: boolean;
  /** Name of the family that presents the route's errors: `v1` for the contract with stock clients, `own` for our own routes. */
  family: string;
  summary: string;
  description?: string;
  access: 'public' | OpenAccess | Access;
  /** Returns what replaces `access` under these settings; `undefined` for nothing. */
  accessBy?: (deps: D) => Access | undefined;
  /** Whether these settings turn the route on; it is always on by default. An unknown path is answered in its place. */
  isOn?: (deps: D) => boolean;
  /** The security events of a success, by their names in the code, or why it has none. A refusal has its own. */
  audit: readonly string[] | { none: string };
  query?: Q;
  /** The error for an invalid query, with the reasons as its `detail`; default `validation` (422). */
  queryError?: ErrorRow;
  /** Query fields that may be repeated; the handler gets them as lists. */
  repeated?: readonly string[];
  /** Request headers and cookies that the handler reads, for the OpenAPI document. */
  headers?: Record<string, string>;
  cookies?: Record<string, string>;
  body?: BodySpec<B>;
  answers: Record<number, AnswerSpec>;
  /** Errors of the operation itself; those of its credentials, body and database follow from the other fields. */
  errors?: readonly ErrorRow[];
  /** HEAD gets 405, for a GET that changes something. */
  refuseHead?: boolean;
  /** The route honours `Prefer: wait=N` (RFC 7240). */
  waits?: boolean;
  /** Seconds that requests to another server may take, besides the limit of every request. */
  outboundSeconds?: number;
  /** A path with a trailing slash is redirected, since a page's relative links would resolve to other paths there. */
  redirectSlash?: boolean;
  /** The route is also mounted without the base path. */
  alsoAtRoot?: boolean;
  /** The response contains a token, a key or secrets, so caches must not store it (RFC 6749 section 5.1). */
  noStore?: boolean;
  handle: (deps: D, request: RouteRequest<PathParams<P>, z.infer<Q>, z.infer<B>>) => Reply | Promise<Reply>;
}

/** A route in a list, without the types of its input. */
export type AnyRoute<D = never> = Omit<Route<D>, 'handle' | 'isOn' | 'accessBy'> & {
  isOn?: (deps: D) => boolean;
  accessBy?: (deps: D) => Access | undefined;
  handle: (deps: D, request: RouteRequest<never, never, never>) => Reply | Promise<Reply>;
};

/** Returns the function with which an area declares its routes; it infers each handler's types of path, query and body. */
export function routesOf<D>() {
  return <P extends string, Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType>(
    declaration: Route<D, P, Q, B>,
  ): AnyRoute<D> => declaration as unknown as AnyRoute<D>;
}

/** Returns a route's name: its method and path. */
export function nameOfRoute({ method, path }: Pick<AnyRoute, 'method' | 'path'>): string {
  return `${method} ${path}`;
}

/** Returns the roles that may call a route; none for a route that anybody may call. */
export function rolesOf({ access }: Pick<AnyRoute, 'access'>): readonly Role[] {
  return typeof access === 'object' && 'roles' in access ? access.roles : [];
}

/** A route's credential schemes if it names none. An `Authorization` header counts before a session. */
const defaultSchemes = ['accessToken', 'session'];

/** Returns the names of the credential schemes that a route accepts. */
export function schemesOf({ access }: Pick<AnyRoute, 'access'>): readonly string[] {
  return access === 'public' ? [] : (access.schemes ?? defaultSchemes);
}
