import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { checkNotAdminClient } from './client-rights.js';

/**
 * Ends a client with its refresh tokens and keys. These go first: were the process killed in between, the client
 * would be there to be removed again, and never a token without its client.
 * @throws ApiError 404 unknown, 422 the built-in admin.
 */
export async function removeClient(deps: Deps, clientId: string): Promise<void> {
  checkNotAdminClient(clientId, 'deleted');
  const { clients, clientKeys, refreshTokens } = deps.collections;
  if ((await clients.findOne({ client_id: clientId })) === null) throw new ApiError('client_not_found');
  await Promise.all([
    refreshTokens.deleteMany({ client_id: clientId }),
    clientKeys.deleteMany({ client_id: clientId }),
  ]);
  await clients.deleteOne({ client_id: clientId });
  // A login that was under way may have left a token behind.
  await refreshTokens.deleteMany({ client_id: clientId });
}
