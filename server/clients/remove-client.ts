import type { AuthServices } from '../auth/services.js';
import type { ClientServices } from './services.js';
import { clientErrors } from './errors.js';
import { ApiError } from '../errors/api-error.js';
import { checkNotAdminClient } from './client-rights.js';

/**
 * Removes a client with everything that ends with it, such as its refresh tokens and keys. These are removed first: if
 * the process is killed in between, the client can be removed again, and no token is left without its client.
 * @throws ApiError 404 unknown, 422 the built-in admin.
 */
export async function removeClient(
  deps: Pick<AuthServices, 'collections'> & Pick<ClientServices, 'endClient'>,
  clientId: string,
): Promise<void> {
  checkNotAdminClient(clientId, 'deleted');
  const { clients } = deps.collections;
  if ((await clients.findOne({ client_id: clientId })) === null) throw new ApiError(clientErrors.notFound);
  await deps.endClient(clientId);
  await clients.deleteOne({ client_id: clientId });
  // A login that was in progress may have left a token behind.
  await deps.endClient(clientId);
}
