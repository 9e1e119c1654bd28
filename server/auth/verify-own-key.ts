import type { Deps } from '../deps.js';
import type { Caller } from '../principal/principal.js';
import { presentPermissions } from '../principal/permissions.js';
import { verifyClient } from './verify-client.js';

/**
 * The caller of a route about the client itself, by that client's own key.
 * @throws ApiError as `verifyClient`
 */
export async function verifyOwnKey(
  deps: Deps,
  clientId: string,
  clientKey: string,
  source: string,
): Promise<Caller> {
  const record = await verifyClient(deps, { clientId, clientKey, source });
  return {
    role: record.role ?? 'contributor',
    clientId: record.client_id,
    permissions: presentPermissions(record),
    byOwnKey: true,
  };
}
