import type { ApiError } from './api-error.js';
import type { ErrorRow } from './error-row.js';

/** An error as it is sent. */
export interface ErrorBody {
  type: 'application/json' | `text/${'plain' | 'html'}; charset=utf-8`;
  body: string;
  headers?: Record<string, string>;
}

/** The facts about the failed request that a family can use. */
export interface FailedRequest {
  requestId: string;
  /** Method and path of the route as declared, such as `GET /v1/job/{job_id}`; absent for an unknown path. */
  route?: string | undefined;
  /** The path that links begin with. */
  basePath: string;
  /** The client uses https. */
  isHttps: boolean;
  /** The path of the page to sign in at, which leads back to the request's page; absent if there is no such page. */
  signIn?: string | undefined;
  /** Who sent the request; absent if that is not known. */
  caller?: { role: string; clientId?: string; session?: { name?: string } } | undefined;
}

/** How the OpenAPI document describes an error of a family. */
export interface ErrorDescription {
  type: 'application/json' | 'text/plain' | 'text/html';
  /** JSON Schema of the body. */
  schema: object;
  /** The public message, or the code in words if each message contains values. */
  text: string;
  /** The family's name for the form of the body. */
  shape: string;
}

/**
 * Presents the errors of some routes. The family decides the form of the body, so every family can present every error.
 */
export interface ErrorFamily {
  /** The name that routes use for the family. */
  name: string;
  /** The family answers unknown paths that begin with one of these prefixes; the longest matching prefix decides. */
  prefixes: readonly string[];
  present(error: ApiError, request: FailedRequest): ErrorBody;
  /** @param route method and path of the route that returns the error */
  describe(row: ErrorRow, route: string): ErrorDescription;
}

/**
 * Finds the family that answers an unknown path.
 * @throws Error if no prefix of any family matches the path
 */
export function findFamilyOf(path: string, families: readonly ErrorFamily[]): ErrorFamily {
  const matches = families.flatMap((family) =>
    family.prefixes
      .filter((prefix) => path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`))
      .map((prefix) => ({ family, length: prefix.length })),
  );
  const [longest] = matches.sort((a, b) => b.length - a.length);
  if (longest === undefined) throw new Error(`no error family matches the path ${path}`);
  return longest.family;
}
