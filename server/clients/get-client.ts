import type { AuthServices } from '../auth/services.js';
import { ApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { Principal } from '../principal/principal.js';
import { checkMayModify, checkNotAdminClient } from './client-rights.js';
import { clientErrors } from './errors.js';

/** Returns a client's record. @throws ApiError 404 when no client has this id */
export async function getClient(
  deps: Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<ClientRecord> {
  const record = await deps.collections.clients.findOne({ client_id: clientId });
  if (record === null) throw new ApiError(clientErrors.notFound);
  return record;
}

/**
 * Returns the client if the caller may change it.
 * @throws ApiError 404 for an unknown client, 403 for one with a higher role
 */
export async function getModifiableClient(
  deps: Pick<AuthServices, 'collections'>,
  caller: Principal,
  clientId: string,
): Promise<ClientRecord> {
  const record = await getClient(deps, clientId);
  checkMayModify(caller, record);
  return record;
}

/**
 * Returns the client if the caller may manage its keys, which needs the same rights as changing the client.
 * @throws ApiError 404 for an unknown client, 403 for a client with a higher role, 422 for the built-in admin client or
 * an OIDC client
 */
export async function getKeyHolder(
  deps: Pick<AuthServices, 'collections'>,
  caller: Principal,
  clientId: string,
): Promise<ClientRecord> {
  checkNotAdminClient(clientId);
  const record = await getModifiableClient(deps, caller, clientId);
  if (record.sub != null) throw new ApiError(clientErrors.oidcFixed);
  return record;
}
