import type { AuthServices } from '../auth/services.js';
import { clientErrors } from './errors.js';
import type { Principal } from '../principal/principal.js';
import type { ClientRecord } from '../principal/client-record.js';
import { ApiError } from '../errors/api-error.js';
import { checkMayModify, checkNotAdminClient } from './client-rights.js';

/** @throws ApiError 404 when there is no client of this id. */
export async function getClient(
  deps: Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<ClientRecord> {
  const record = await deps.collections.clients.findOne({ client_id: clientId });
  if (record === null) throw new ApiError(clientErrors.notFound);
  return record;
}

/**
 * The client, when the caller may see to its keys: rights are those of changing the client.
 * @throws ApiError 404 unknown, 403 of a higher role, 422 the built-in admin or an OIDC client.
 */
export async function getKeyHolder(
  deps: Pick<AuthServices, 'collections'>,
  caller: Principal,
  clientId: string,
): Promise<ClientRecord> {
  checkNotAdminClient(clientId);
  const record = await getClient(deps, clientId);
  checkMayModify(caller, record);
  if (record.sub != null) throw new ApiError(clientErrors.oidcFixed);
  return record;
}
