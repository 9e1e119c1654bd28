import type { ErrorRow } from '../errors/error-row.js';
import type { Principal } from '../principal/principal.js';

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
  /** The security scheme of the OpenAPI document. */
  openApi: object;
  /** Errors that a route with this scheme can return besides its own. */
  errors: readonly ErrorRow[];
  /** Returns the credential as sent, or `undefined` when the request has none of this scheme. */
  read: (request: CredentialRequest) => string | undefined;
  /** Returns the caller. @throws ApiError for an invalid credential */
  verify: (deps: D, credential: string, request: CredentialRequest) => Principal | Promise<Principal>;
}

/** The credential schemes by name. */
export type CredentialSchemes<D> = Readonly<Record<string, CredentialScheme<D>>>;
