import type { ErrorRow } from '../errors/error-row.js';
import type { Principal } from '../principal/principal.js';
import { type AnyRoute, schemesOf } from './route.js';

/** The parts of a request that can identify its caller. */
export interface CredentialRequest {
  params: Readonly<Record<string, string>>;
  /** One header's value, or `undefined`; header names are lower case. */
  header(name: string): string | undefined;
  /** The value of a cookie, or `undefined`. */
  cookie(name: string): string | undefined;
  source: string;
  requestId: string;
}

/** One way in which a request can prove who sends it. `D` is the dependencies that the check needs. */
export interface CredentialScheme<D> {
  /** The credential proves that the path names its sender, who may call the route with any role. */
  isOwnership?: true;
  /**
   * Browsers send the credential with every request, whichever page caused it: a request that changes something must prove
   * that it comes from a page of this server (`checkCrossSite`).
   */
  isAmbient?: true;
  /** The security scheme of the OpenAPI document. */
  openApi: object;
  /** The `WWW-Authenticate` header of a 401 (RFC 9110 section 11.6.1); absent if HTTP has no name for the scheme. */
  challenge?: string;
  /** Errors that a route with this scheme can return besides its own. */
  errors: readonly ErrorRow[];
  /** Returns the credential as sent, or `undefined` when the request has none of this scheme. */
  read: (request: CredentialRequest, deps: D) => string | undefined;
  /**
   * Returns the caller; `undefined` if the credential counts as absent, such as an ended session.
   * @throws ApiError for an invalid credential
   */
  verify: (
    deps: D,
    credential: string,
    request: CredentialRequest,
  ) => Principal | undefined | Promise<Principal | undefined>;
}

/** The credential schemes by name. */
export type CredentialSchemes<D> = Readonly<Record<string, CredentialScheme<D>>>;

/** Returns the `WWW-Authenticate` header of a route's 401, or `undefined`: the login routes send their own. */
export function challengeOf(
  declared: Pick<AnyRoute, 'access'>,
  schemes: Readonly<Record<string, Pick<CredentialScheme<never>, 'challenge'>>>,
): string | undefined {
  const challenges = schemesOf(declared).flatMap((name) => schemes[name]?.challenge ?? []);
  return challenges.length > 0 ? challenges.join(', ') : undefined;
}
