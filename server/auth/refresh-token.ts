import { randomBytes } from 'node:crypto';
import type { Core } from '../core/core.js';
import { digestToken, isTokenDigest, sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { RefreshToken, TokenOrigin } from './collections.js';
import { authErrors } from './errors.js';
import type { AuthServices } from './services.js';

/** Milliseconds that a login's refresh token is valid: 6 days. */
const refreshTokenMs = 6 * 24 * 60 * 60 * 1000;

/**
 * Issues a refresh token of 64 URL-safe characters and stores its digest.
 * @param expires `false` for a token that never expires, as stock agents need
 * @param origin how the client got it
 */
export async function issueRefreshToken(
  deps: Core & Pick<AuthServices, 'insertRefreshToken'>,
  clientId: string,
  expires = true,
  origin: TokenOrigin = {},
): Promise<string> {
  const token = randomBytes(48).toString('base64url');
  const now = deps.clock.now();
  await deps.insertRefreshToken({
    client_id: clientId,
    refresh_token: digestToken(token),
    issued_at: now,
    ...(expires && { expires_at: new Date(now.getTime() + refreshTokenMs) }),
    revoked: false,
    last_accessed: now,
    ...origin,
  });
  return token;
}

/**
 * Returns the record of a valid refresh token, and restarts its idle time.
 * @param owner the client that the token must belong to; by default any
 * @throws ApiError 400 for a token that is unknown, revoked, expired or of another client
 */
export async function useRefreshToken(
  deps: Core & Pick<AuthServices, 'collections'>,
  token: string,
  owner?: string,
): Promise<RefreshToken> {
  const { refreshTokens } = deps.collections;
  const stored = await refreshTokens.findOne(filterByToken(token));
  if (stored === null) throw new ApiError(authErrors.refreshTokenInvalid);
  if (owner !== undefined && stored.client_id !== owner)
    throw new ApiError(authErrors.refreshTokenInvalid, { reason: 'token of another client' });
  if (stored.revoked === true) throw new ApiError(authErrors.refreshTokenRevoked);
  const now = deps.clock.now();
  if (stored.expires_at instanceof Date && stored.expires_at <= now)
    throw new ApiError(authErrors.refreshTokenExpired);
  await refreshTokens.updateOne({ _id: stored._id }, { $set: { last_accessed: now } });
  return stored;
}

/** Returns whether the key or the secret that got a refresh token has ended, has changed or is another client's. */
export async function hasOriginEnded(
  deps: Core & Pick<AuthServices, 'findClientKey'>,
  { client_id, key_id: keyId, hash_sha256: hashDigest }: RefreshToken,
  { client_secret_hash: hash = '' }: ClientRecord,
): Promise<boolean> {
  if (typeof keyId === 'string') {
    const key = await deps.findClientKey(keyId);
    if (key?.client_id !== client_id) return true;
    return key.expires_at !== undefined && key.expires_at <= deps.clock.now();
  }
  return typeof hashDigest === 'string' && hashDigest !== sha256(hash, 'hex');
}

/** Revokes a refresh token, and returns its record. @throws ApiError 400 for a token that is unknown or already revoked */
export async function revokeRefreshToken(
  deps: Pick<AuthServices, 'collections'>,
  token: string,
): Promise<RefreshToken> {
  const before = await deps.collections.refreshTokens.findOneAndUpdate(filterByToken(token), {
    $set: { revoked: true },
  });
  if (before === null) throw new ApiError(authErrors.refreshTokenNotFound);
  if (before.revoked === true) throw new ApiError(authErrors.refreshTokenAlreadyRevoked);
  return before;
}

/** Returns the filter for a refresh token: a stored digest is not accepted as a token, so that reading the database does not allow a login. */
function filterByToken(token: string): { refresh_token: string | { $in: string[] } } {
  const digest = digestToken(token);
  return { refresh_token: isTokenDigest(token) ? digest : { $in: [digest, token] } };
}
