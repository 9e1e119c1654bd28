import type { AuthServices } from '../auth/services.js';
import type { DepsOf } from '../core/core.js';
import { checkNotAdminClient } from './client-rights.js';
import { endClient } from './end-client.js';
import { getClient } from './get-client.js';

/**
 * Removes a client and its data: its refresh tokens, keys and secrets.
 * @throws ApiError 404 for an unknown client, 422 for the built-in admin client
 */
export async function removeClient(
  deps: Pick<AuthServices, 'collections'> & DepsOf<typeof endClient>,
  clientId: string,
): Promise<void> {
  checkNotAdminClient(clientId, 'deleted');
  await getClient(deps, clientId);
  await endClient(deps, clientId);
}
