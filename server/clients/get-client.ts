import type { Caller } from '../principal/principal.js';
import type { ClientRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { checkMayModify, checkNotAdminClient } from './client-rights.js';

/** @throws ApiError 404 when there is no client of this id. */
export async function getClient(deps: Deps, clientId: string): Promise<ClientRecord> {
  const record = await deps.collections.clients.findOne({ client_id: clientId });
  if (record === null) throw new ApiError('client_not_found');
  return record;
}

/**
 * The client, when the caller may see to its keys: rights are those of changing the client.
 * @throws ApiError 404 unknown, 403 of a higher role, 422 the built-in admin or an OIDC client.
 */
export async function getKeyHolder(deps: Deps, caller: Caller, clientId: string): Promise<ClientRecord> {
  checkNotAdminClient(clientId);
  const record = await getClient(deps, clientId);
  checkMayModify(caller, record);
  if (record.sub != null) throw new ApiError('oidc_client_fixed');
  return record;
}
