import type { z } from 'zod';
import type { ErrorRow } from '../errors/error-row.js';
import type { Principal } from '../principal/principal.js';
import type { Role } from '../principal/roles.js';
import type { Reply } from './reply.js';

/** `{name}` places of a path, as an object of texts. */
type PathParams<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? { [K in Name | keyof PathParams<Rest>]: string }
  : unknown;

/** Who may call a route: callers of the roles listed. */
export interface Access {
  roles: readonly Role[];
  /** The refusal names the roles in the order given here, instead of that of their rank. */
  namesRolesAsListed?: boolean;
  /** Names of the credential schemes that the route accepts, in the order in which they are tried; `accessToken` when not given. */
  schemes?: readonly string[];
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
  /** Who calls. */
  principal: Principal;
  /** One header's value, or `undefined`; header names are lower case. */
  header(name: string): string | undefined;
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

/** One route: everything that router, authorization, validation, OpenAPI and the role-matrix test need to know. `D` is what its handler takes of the dependencies. */
export interface Route<
  D,
  P extends string = string,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** In OpenAPI's form: `/v1/job/{job_id}`. */
  path: P;
  /** The path's last parameter holds slashes. */
  wildcard?: boolean;
  /** Name of the family that presents its errors: `v1` is the contract with stock clients, `own` is ours. */
  family: string;
  summary: string;
  description?: string;
  access: 'public' | Access;
  query?: Q;
  /** The error of a wrong query, which gets the reasons as its `detail`; `validation` (422) when not given. */
  queryError?: ErrorRow;
  /** Fields of the query that may be repeated, given as lists. */
  repeated?: readonly string[];
  /** Request headers and cookies that the handler reads, for the OpenAPI document. */
  headers?: Record<string, string>;
  cookies?: Record<string, string>;
  body?: BodySpec<B>;
  answers: Record<number, AnswerSpec>;
  /** Errors of the operation itself; those of credentials, body and database are known from the rest. */
  errors?: readonly ErrorRow[];
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
  handle: (deps: D, request: RouteRequest<PathParams<P>, z.infer<Q>, z.infer<B>>) => Reply | Promise<Reply>;
}

/** A route of a list, whose input types no longer matter. */
export type AnyRoute<D = never> = Omit<Route<D>, 'handle'> & {
  handle: (deps: D, request: RouteRequest<never, never, never>) => Reply | Promise<Reply>;
};

/** Gives the function by which an area declares its routes: each handler gets the types of its path, query and body. */
export function routesOf<D>() {
  return <P extends string, Q extends z.ZodType = z.ZodType, B extends z.ZodType = z.ZodType>(
    declaration: Route<D, P, Q, B>,
  ): AnyRoute<D> => declaration as unknown as AnyRoute<D>;
}

/** Method and path of a route, by which it is named. */
export function nameOfRoute({ method, path }: Pick<AnyRoute, 'method' | 'path'>): string {
  return `${method} ${path}`;
}
