import type { Core, DepsOf } from '../core/core.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import { signAccessToken } from './access-token.js';
import { basicChallenge, type ClientForm, readCredentials } from './basic-credentials.js';
import { authErrors } from './errors.js';
import { hasOriginEnded, issueRefreshToken, useRefreshToken } from './refresh-token.js';
import type { AuthServices } from './services.js';
import { tokenKinds } from './token-kinds.js';
import { type VerifiedClient, verifyClient } from './verify-client.js';

/** A successful response of the token endpoint (RFC 6749 section 5.1). */
export interface TokenResponse {
  access_token: string;
  token_type: 'Bearer';
  /** Seconds. */
  expires_in: number;
  refresh_token?: string;
}

/** A request to the token endpoint. */
export interface TokenRequest {
  /** The `Authorization` header. */
  authorization: string | undefined;
  form: ClientForm;
  source: string;
}

type GrantDeps = DepsOf<typeof verifyClient> &
  DepsOf<typeof issueRefreshToken> &
  Pick<AuthServices, 'signingKeys'>;

/** The grants of the token endpoint, by `grant_type`. */
const grants: Readonly<Record<string, (deps: GrantDeps, request: TokenRequest) => Promise<TokenResponse>>> = {
  client_credentials: grantClientCredentials,
  refresh_token: grantRefreshToken,
};

/**
 * Runs the grant of a token request; without a `grant_type`, as stock clients send it, that is `client_credentials`.
 * @throws ApiError 400 for an unknown grant type, and the errors of the grant
 */
export async function grantToken(deps: GrantDeps, request: TokenRequest): Promise<TokenResponse> {
  // A parameter without a value counts as omitted (RFC 6749 section 3.2).
  const type = request.form.grant_type || 'client_credentials';
  const grant = Object.hasOwn(grants, type) ? grants[type] : undefined;
  if (grant === undefined) throw new ApiError(authErrors.unsupportedGrantType);
  return grant(deps, request);
}

/**
 * Returns an access token and a refresh token for a client id and key (RFC 6749 section 4.4).
 * @throws ApiError as `authenticate`
 */
async function grantClientCredentials(deps: GrantDeps, request: TokenRequest): Promise<TokenResponse> {
  const { record, origin } = await authenticate(deps, request);
  const refreshToken = await issueRefreshToken(deps, record.client_id, true, origin);
  return { ...presentToken(signAccessToken(deps, record)), refresh_token: refreshToken };
}

/**
 * Returns an access token for a refresh token of the client that sends its id and key (RFC 6749 section 6).
 * @throws ApiError as `authenticate` and `grantByRefreshToken`; 400 `invalid_request` without a refresh token
 */
async function grantRefreshToken(deps: GrantDeps, request: TokenRequest): Promise<TokenResponse> {
  const { client_id: clientId } = (await authenticate(deps, request)).record;
  const { refresh_token: token } = request.form;
  if (!token) throw new ApiError(authErrors.invalidRequest);
  return grantByRefreshToken(deps, { token, source: request.source, clientId });
}

/**
 * Returns the client whose id and key the request has.
 * @throws ApiError as `readCredentials` and `verifyClient`; a 401 to HTTP Basic has a `WWW-Authenticate` header
 */
async function authenticate(
  deps: DepsOf<typeof verifyClient>,
  { authorization, form, source }: TokenRequest,
): Promise<VerifiedClient> {
  const { basic, ...credentials } = readCredentials(authorization, form);
  try {
    return await verifyClient(deps, { ...credentials, source });
  } catch (error) {
    if (!basic || !isApiError(error, authErrors.loginFailed)) throw error;
    throw new ApiError(authErrors.loginFailed, { headers: basicChallenge, cause: error });
  }
}

/** A use of a refresh token. */
export interface RefreshRequest {
  token: string;
  source: string;
  /** The client that the token must belong to, if the request has proved to be that client. */
  clientId?: string;
}

/**
 * Returns an access token for a refresh token, with the client's current permissions.
 * @throws ApiError 400 for a refresh token that is not valid, whose client is disabled, or whose client, key or secret is gone
 */
export async function grantByRefreshToken(
  deps: Core &
    DepsOf<typeof useRefreshToken> &
    DepsOf<typeof hasOriginEnded> &
    Pick<AuthServices, 'findClient' | 'signingKeys'>,
  { token, source, clientId: owner }: RefreshRequest,
): Promise<TokenResponse> {
  try {
    const stored = await useRefreshToken(deps, token, owner);
    const { client_id: clientId } = stored;
    const record = await deps.findClient(clientId);
    if (record === undefined) throw new ApiError(authErrors.refreshTokenInvalid, { reason: 'client gone' });
    if (record.disabled === true)
      throw new ApiError(authErrors.refreshTokenInvalid, { reason: 'client disabled' });
    if (await hasOriginEnded(deps, stored, record))
      throw new ApiError(authErrors.refreshTokenInvalid, { reason: 'key gone' });
    await deps.audit({ event: 'refresh', outcome: 'accepted', actor: clientId, source });
    return presentToken(signAccessToken(deps, record));
  } catch (error) {
    if (error instanceof ApiError) {
      await deps.audit({ event: 'refresh', outcome: 'refused', source, reason: error.reason ?? error.code });
    }
    throw error;
  }
}

function presentToken(accessToken: string): TokenResponse {
  return { access_token: accessToken, token_type: 'Bearer', expires_in: tokenKinds.access.lifetimeSeconds };
}
