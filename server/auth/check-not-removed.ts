import { ApiError } from '../errors/api-error.js';
import type { Principal } from '../principal/principal.js';
import { authErrors } from './errors.js';
import type { AuthServices } from './services.js';

/**
 * Checks that the caller's client was not removed after its access token was issued. A later client of the same id is
 * another client: `putClient` makes sure that its tokens are issued after the second of the removal.
 * @throws ApiError 401 `Token has expired`
 */
export async function checkNotRemoved(
  { collections }: Pick<AuthServices, 'collections'>,
  { clientId, issuedAt }: Pick<Principal, 'clientId' | 'issuedAt'>,
): Promise<void> {
  if (clientId === undefined || issuedAt === undefined) return;
  const removed = { client_id: clientId, removed_at: { $gte: new Date(issuedAt * 1000) } };
  if ((await collections.removedClients.findOne(removed)) === null) return;
  throw new ApiError(authErrors.tokenExpired, { reason: 'client removed' });
}
