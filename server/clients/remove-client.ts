import type { AuthServices } from '../auth/services.js';
import { ApiError } from '../errors/api-error.js';
import { checkNotAdminClient } from './client-rights.js';
import { clientErrors } from './errors.js';
import type { ClientServices } from './services.js';

/**
 * Removes a client and its data, such as its refresh tokens and keys. The data is removed first: if the process is killed
 * in between, the client can be removed again, and no token is left without its client.
 * @throws ApiError 404 for an unknown client, 422 for the built-in admin client
 */
export async function removeClient(
  deps: Pick<AuthServices, 'collections'> & Pick<ClientServices, 'removeClientData'>,
  clientId: string,
): Promise<void> {
  checkNotAdminClient(clientId, 'deleted');
  const { clients } = deps.collections;
  if ((await clients.findOne({ client_id: clientId })) === null) throw new ApiError(clientErrors.notFound);
  await deps.removeClientData(clientId);
  await clients.deleteOne({ client_id: clientId });
  // A login that was in progress may have stored a token after the first removal.
  await deps.removeClientData(clientId);
}
