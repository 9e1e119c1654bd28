import { createHash, randomBytes } from 'node:crypto';
import type { RefreshToken } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';

/** Milliseconds that a refresh token of a login is valid: 6 days. */
const refreshTokenMs = 6 * 24 * 60 * 60 * 1000;

/** How stored tokens of this server begin; older databases hold clear ones. */
const digestPrefix = 'sha256:';

/**
 * Issues a refresh token of 64 URL-safe characters and stores its digest.
 * @param expires `false` for a token without end, such as the one file that a stock agent holds
 */
export async function issueRefreshToken(deps: Deps, clientId: string, expires = true): Promise<string> {
  const token = randomBytes(48).toString('base64url');
  const now = deps.clock.now();
  await deps.batches.insertRefreshToken({
    client_id: clientId,
    refresh_token: digestToken(token),
    issued_at: now,
    ...(expires && { expires_at: new Date(now.getTime() + refreshTokenMs) }),
    revoked: false,
    last_accessed: now,
  });
  return token;
}

/**
 * The stored form of a refresh token that is still good; its idle time starts again.
 * @throws ApiError 400 for one that is unknown, revoked or expired.
 */
export async function useRefreshToken(deps: Deps, token: string): Promise<RefreshToken> {
  const { refreshTokens } = deps.collections;
  const stored = await refreshTokens.findOne(filterByToken(token));
  if (stored === null) throw new ApiError('refresh_token_invalid');
  if (stored.revoked === true) throw new ApiError('refresh_token_revoked');
  const now = deps.clock.now();
  if (stored.expires_at instanceof Date && stored.expires_at <= now)
    throw new ApiError('refresh_token_expired');
  await refreshTokens.updateOne({ _id: stored._id }, { $set: { last_accessed: now } });
  return stored;
}

/** @throws ApiError 400 for one that is unknown or revoked already. */
export async function revokeRefreshToken(deps: Deps, token: string): Promise<RefreshToken> {
  const before = await deps.collections.refreshTokens.findOneAndUpdate(filterByToken(token), {
    $set: { revoked: true },
  });
  if (before === null) throw new ApiError('refresh_token_not_found');
  if (before.revoked === true) throw new ApiError('refresh_token_already_revoked');
  return before;
}

/** A text that looks like a stored digest is never compared with stored ones: reading the database gives no token. */
function filterByToken(token: string): { refresh_token: string | { $in: string[] } } {
  const digest = digestToken(token);
  return { refresh_token: token.startsWith(digestPrefix) ? digest : { $in: [digest, token] } };
}

function digestToken(token: string): string {
  return digestPrefix + createHash('sha256').update(token).digest('hex');
}
