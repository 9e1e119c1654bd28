import type { ErrorRow } from '../errors/error-row.js';
import type { Principal } from '../principal/principal.js';

/** What the finding out of a caller may look at. */
export interface CredentialRequest {
  params: Readonly<Record<string, string>>;
  /** One header's value, or `undefined`; header names are lower case. */
  header(name: string): string | undefined;
  /** The value of a cookie, or `undefined`. */
  cookie(name: string): string | undefined;
  source: string;
  requestId: string;
}

/** One way in which a request can prove who sends it. `D` is what the check takes of the dependencies. */
export interface CredentialScheme<D> {
  /** The credential proves that the path is about its sender, who may use the route whatever the role. */
  isOwnership?: true;
  /** The security scheme of the OpenAPI document. */
  openApi: object;
  /** What a route that accepts it can answer besides its own errors. */
  errors: readonly ErrorRow[];
  /** The credential as presented, or `undefined` when the request has none of this scheme. */
  read: (request: CredentialRequest) => string | undefined;
  /** @throws ApiError for a credential that is not good. */
  verify: (deps: D, credential: string, request: CredentialRequest) => Principal | Promise<Principal>;
}

/** The credential schemes by name. */
export type CredentialSchemes<D> = Readonly<Record<string, CredentialScheme<D>>>;
