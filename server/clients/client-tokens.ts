import { ObjectId, type WithId } from 'mongodb';
import type { z } from 'zod';
import type { RefreshToken } from '../auth/collections.js';
import { hasOriginEnded } from '../auth/refresh-token.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { presentDate } from '../http/present-date.js';
import type { ClientRecord } from '../principal/client-record.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import type { tokenAnswer } from './client-schema.js';
import { clientErrors } from './errors.js';

/** Returns the refresh tokens of a client that work, the oldest first, without the tokens themselves. */
export async function listClientTokens(
  deps: Core & Pick<AuthServices, 'collections' | 'findClientKey'>,
  record: ClientRecord,
): Promise<z.output<typeof tokenAnswer>[]> {
  const tokens = await deps.collections.refreshTokens
    .find({ client_id: record.client_id, revoked: { $ne: true } })
    .sort({ issued_at: 1, _id: 1 })
    .toArray();
  const now = deps.clock.now();
  const ended = await Promise.all(tokens.map((token) => hasOriginEnded(deps, token, record)));
  return tokens
    .filter(({ expires_at: end }, n) => !ended[n] && !(end instanceof Date && end <= now))
    .map(presentToken);
}

/**
 * Revokes a refresh token of a client.
 * @throws ApiError 404 when the client has no token with this id that works, 403 when the caller sent a key that expires
 * and that did not get the token
 */
export async function revokeClientToken(
  { collections }: Pick<AuthServices, 'collections'>,
  caller: Principal,
  { clientId, tokenId }: { clientId: string; tokenId: string },
): Promise<void> {
  if (!/^[0-9a-f]{24}$/.test(tokenId)) throw new ApiError(clientErrors.tokenNotFound);
  const filter = { _id: new ObjectId(tokenId), client_id: clientId };
  const stored = await collections.refreshTokens.findOne(filter);
  if (stored === null || stored.revoked === true) throw new ApiError(clientErrors.tokenNotFound);
  if (!may(caller, 'removeKey', { key_id: stored.key_id ?? '' }))
    throw new ApiError(clientErrors.tokenOfOwner);
  await collections.refreshTokens.updateOne(filter, { $set: { revoked: true } });
}

function presentToken(token: WithId<RefreshToken>): z.output<typeof tokenAnswer> {
  const presentIf = (date: unknown) => (date instanceof Date ? presentDate(date) : null);
  return {
    token_id: token._id.toHexString(),
    key_id: token.key_id ?? null,
    issued_at: presentIf(token.issued_at),
    expires_at: presentIf(token.expires_at),
    last_used_at: presentIf(token.last_accessed),
  };
}
