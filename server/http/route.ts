import type { z } from 'zod';
import type { Caller } from '../principal/principal.js';
import type { Role } from '../principal/roles.js';
import type { Deps } from '../deps.js';
import type { ErrorCode } from '../errors/api-error.js';
import type { Reply } from './reply.js';

/** `{name}` places of a path, as an object of texts. */
type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name | keyof PathParams<Rest>]: string }
  : unknown;

/** Who may call a route: anybody, or callers of the roles listed. */
export interface Access {
  roles: readonly Role[];
  /** The refusal names the roles in the order given here, instead of that of their rank. */
  toldAsListed?: boolean;
  /** A client may use the route for itself with its `client-key` header; the path names it as `client_id`. */
  orOwnClientKey?: boolean;
}

/**
 * How a body is read: `json` (the rules of the v1 contract), `form` (RFC 6749 section 2.3.1), or `multipart`, whose file
 * the handler gets as a stream (the schema is `uploadSchema`).
 */
interface BodySpec<B extends z.ZodType> {
  mode: 'json' | 'form' | 'multipart';
  schema: B;
  /** Bytes; one MiB when not given, and `MAX_UPLOAD_MIB` for `multipart`. */
  limit?: number;
}

/** One successful answer, for the OpenAPI document. */
interface AnswerSpec {
  description: string;
  /** JSON of this schema; or plain text; or no body; or a file of this type. */
  content: z.ZodType | 'text' | 'none' | { file: NonNullable<Reply['type']> };
  /** Plain text is a possible answer besides the JSON. */
  orText?: boolean;
}

/** What a handler sees of a request. */
export interface RouteRequest<P = unknown, Q = unknown, B = unknown> {
  params: P;
  query: Q;
  body: B;
  caller: Caller;
  /** The client's address as the security log and the counters name it. */
  source: string;
  /** One header's value, or `undefined`; header names are lower case. */
  header(name: string): string | undefined;
  /** The value of a cookie, or `undefined`. */
  cookie(name: string): string | undefined;
  /** The request came over https, directly or to a trusted proxy. */
  secure: boolean;
  /** The client has closed the connection: nobody would get the answer. */
  isGone(): boolean;
  /** Calls `listener` when the client closes the connection, or the answer is written; what it returns ends that. */
  onGone(listener: () => void): () => void;
  /** Seconds that the client is ready to wait, where the route `waits`: 0 to 60. */
  waitSeconds: number;
  /** Names the job that the request is about, for its log line. */
  noteJob(jobId: string): void;
}

/** One route: all that router, authorization, validation, OpenAPI and the role-matrix test need to know. */
export interface Route<
  P extends string = string,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** In OpenAPI's form: `/v1/job/{job_id}`. */
  path: P;
  /** The path's last parameter holds slashes. */
  wildcard?: boolean;
  /** `v1`: the contract with stock clients; `own`: ours, whose error bodies tell the request's id. */
  family: 'v1' | 'own';
  summary: string;
  description?: string;
  access: 'public' | Access;
  query?: Q;
  /** The error of a wrong query, which gets the reasons as its `detail`; `validation` (422) when not given. */
  queryError?: ErrorCode;
  /** Fields of the query that may be repeated, given as lists. */
  repeated?: readonly string[];
  /** Request headers and cookies that the handler reads, for the OpenAPI document. */
  headers?: Record<string, string>;
  cookies?: Record<string, string>;
  body?: BodySpec<B>;
  answers: Record<number, AnswerSpec>;
  /** Errors of the operation itself; those of credentials, body and database are known from the rest. */
  errors?: readonly ErrorCode[];
  /** HEAD is answered 405, for a GET that changes something. */
  refuseHead?: boolean;
  /** It honours `Prefer: wait=N` (RFC 7240). */
  waits?: boolean;
  /** With a slash at its end the path is redirected, since the relative links of a page would lead elsewhere from there. */
  redirectSlash?: boolean;
  /** It answers without the base path as well. */
  atRootToo?: boolean;
  /** The answer holds a token or a key, and no cache may keep it (RFC 6749 section 5.1). */
  noStore?: boolean;
  handle(deps: Deps, request: RouteRequest<PathParams<P>, z.infer<Q>, z.infer<B>>): Reply | Promise<Reply>;
}

/** A route whose types are no longer of interest. */
export type AnyRoute = Omit<Route, 'handle'> & {
  handle(deps: Deps, request: RouteRequest<never, never, never>): Reply | Promise<Reply>;
};

/** Declares a route; gives its handler the types of its path, query and body. */
export function route<P extends string, Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType>(
  declaration: Route<P, Q, B>,
): AnyRoute {
  return declaration as unknown as AnyRoute;
}
