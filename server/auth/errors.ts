import type { ErrorRows } from '../errors/error-row.js';
import type { BodyQuirk } from '../errors/json-family.js';

/** The errors of logins and tokens. */
export const authErrors = {
  busy: { code: 'busy', status: 503, message: 'Too many logins at the moment, try again' },
  authenticationRequired: {
    code: 'authentication_required',
    status: 401,
    message: 'Authentication is required for specified endpoint',
    audit: 'token_refused',
  },
  bearerWithoutToken: {
    code: 'bearer_without_token',
    status: 401,
    message: 'Unauthorized',
    audit: 'token_refused',
  },
  tokenExpired: { code: 'token_expired', status: 401, message: 'Token has expired', audit: 'token_refused' },
  tokenNotYetValid: {
    code: 'token_not_yet_valid',
    status: 401,
    message: 'Token not yet valid',
    audit: 'token_refused',
  },
  tokenSignature: {
    code: 'token_signature',
    status: 403,
    message: 'Invalid Token signature',
    audit: 'token_refused',
  },
  tokenClaimMissing: { code: 'token_claim_missing', status: 403, audit: 'token_refused' },
  tokenUndecodable: {
    code: 'token_undecodable',
    status: 403,
    message: 'Unable to decode token',
    audit: 'token_refused',
  },
  tokenInvalid: { code: 'token_invalid', status: 403, message: 'Invalid Token', audit: 'token_refused' },
  roleRequired: { code: 'role_required', status: 403, audit: 'role_refused' },
  loginFailed: { code: 'login_failed', status: 401, message: 'Invalid client id or client key' },
  basicMissing: {
    code: 'basic_missing',
    status: 401,
    message: 'No authorization header specified',
    audit: 'login',
  },
  basicIncomplete: {
    code: 'basic_incomplete',
    status: 401,
    message: 'Client id and key must be specified in authorization header',
    audit: 'login',
  },
  tooManyAttempts: { code: 'too_many_attempts', status: 429, message: 'Too many attempts' },
  unsupportedGrantType: {
    code: 'unsupported_grant_type',
    status: 400,
    message: 'The grant type must be client_credentials or refresh_token',
  },
  invalidClient: { code: 'invalid_client', status: 401 },
  invalidRequest: { code: 'invalid_request', status: 400 },
  invalidGrant: { code: 'invalid_grant', status: 400 },
  slowDown: { code: 'slow_down', status: 429 },
  temporarilyUnavailable: { code: 'temporarily_unavailable', status: 503 },
  refreshTokenInvalid: { code: 'refresh_token_invalid', status: 400, message: 'Invalid refresh token.' },
  refreshTokenRevoked: { code: 'refresh_token_revoked', status: 400, message: 'Refresh token revoked.' },
  refreshTokenExpired: { code: 'refresh_token_expired', status: 400, message: 'Refresh token expired' },
  refreshTokenNotFound: { code: 'refresh_token_not_found', status: 400, message: 'Refresh token not found' },
  refreshTokenAlreadyRevoked: {
    code: 'refresh_token_already_revoked',
    status: 400,
    message: 'Refresh token has already been revoked',
  },
} as const satisfies ErrorRows;

/** The errors with other bodies: text that stock clients print unchanged, and errors in OAuth's form. */
export const authQuirks: readonly BodyQuirk[] = [
  { error: authErrors.loginFailed, shape: 'text', families: ['v1', 'own'] },
  { error: authErrors.basicMissing, shape: 'text' },
  { error: authErrors.basicIncomplete, shape: 'text' },
  { error: authErrors.unsupportedGrantType, shape: 'oauth' },
  { error: authErrors.invalidClient, shape: 'oauth' },
  { error: authErrors.invalidRequest, shape: 'oauth' },
  { error: authErrors.invalidGrant, shape: 'oauth' },
  { error: authErrors.slowDown, shape: 'oauth' },
  { error: authErrors.temporarilyUnavailable, shape: 'oauth' },
];

/** The errors that a route with an access token can return. */
export const accessTokenErrors = [
  authErrors.tokenExpired,
  authErrors.tokenNotYetValid,
  authErrors.tokenSignature,
  authErrors.tokenClaimMissing,
  authErrors.tokenUndecodable,
  authErrors.tokenInvalid,
  authErrors.authenticationRequired,
  authErrors.roleRequired,
];

/** The errors that a route with a client id and key can return. */
export const loginErrors = [authErrors.loginFailed, authErrors.tooManyAttempts, authErrors.busy];
