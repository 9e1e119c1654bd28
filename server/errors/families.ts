import type { ApiError } from './api-error.js';
import type { ErrorRow } from './error-row.js';

/** An error as it is sent. */
export interface ErrorBody {
  type: 'application/json' | 'text/plain; charset=utf-8';
  body: string;
}

/** What a family can know of the request that failed. */
export interface FailedRequest {
  requestId: string;
  /** Method and path of the route as declared, such as `GET /v1/job/{job_id}`; absent for an unknown path. */
  route?: string | undefined;
}

/** What the OpenAPI document says of an error of a family. */
export interface ErrorDescription {
  type: 'application/json' | 'text/plain';
  /** JSON Schema of the body. */
  schema: object;
  /** The public message; the code in words where each message has values in it. */
  text: string;
  /** The family's own word for the form of the body. */
  shape: string;
}

/** How the errors of some routes are presented. The shape belongs to the family, so that every family can present every error. */
export interface ErrorFamily {
  /** The word that routes name it by. */
  name: string;
  /** Unknown paths that begin with one of these are answered by this family; the longest prefix wins. */
  prefixes: readonly string[];
  present(error: ApiError, request: FailedRequest): ErrorBody;
  /** @param route method and path of the route that answers the error */
  describe(row: ErrorRow, route: string): ErrorDescription;
}

/**
 * The family that answers an unknown path.
 * @throws Error when no family takes every path
 */
export function findFamilyOf(path: string, families: readonly ErrorFamily[]): ErrorFamily {
  const matches = families.flatMap((family) =>
    family.prefixes
      .filter((prefix) => path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`))
      .map((prefix) => ({ family, length: prefix.length })),
  );
  const [longest] = matches.sort((a, b) => b.length - a.length);
  if (longest === undefined) throw new Error(`no error family takes the path ${path}`);
  return longest.family;
}
