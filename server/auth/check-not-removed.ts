import { ApiError } from '../errors/api-error.js';
import type { Principal } from '../principal/principal.js';
import { authErrors } from './errors.js';
import type { AuthServices } from './services.js';

/**
 * Checks that the caller's client is not disabled and was not removed after its access token was issued. A later client of
 * the same id is another client: `putClient` makes sure that its tokens are issued after the second of the removal.
 * @throws ApiError 401 `Token has expired`
 */
export async function checkNotRemoved(
  { collections }: Pick<AuthServices, 'collections'>,
  { clientId, issuedAt }: Pick<Principal, 'clientId' | 'issuedAt'>,
): Promise<void> {
  if (clientId === undefined || issuedAt === undefined) return;
  const removed = { client_id: clientId, removed_at: { $gte: new Date(issuedAt * 1000) } };
  const [removal, disabling] = await Promise.all([
    collections.removedClients.findOne(removed),
    collections.disabledClients.findOne({ _id: clientId }),
  ]);
  if (removal !== null) throw new ApiError(authErrors.tokenExpired, { reason: 'client removed' });
  if (disabling !== null) throw new ApiError(authErrors.tokenExpired, { reason: 'client disabled' });
}
