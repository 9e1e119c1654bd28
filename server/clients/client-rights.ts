import type { Caller } from '../principal/principal.js';
import { outranks } from '../principal/roles.js';
import type { ClientRecord } from '../db/collections.js';
import { ApiError } from '../errors/api-error.js';

/** The built-in client, which only `queuepass admin` changes. */
export const adminClientId = 'testflinger-admin';

/** @throws ApiError 422 for the built-in admin client; `deed` is the word that stock clients know. */
export function checkNotAdminClient(clientId: string, deed: 'modified' | 'deleted' = 'modified'): void {
  if (clientId !== adminClientId) return;
  throw new ApiError('admin_client_fixed', {
    message: `Error: System admin client cannot by ${deed} from API.`,
  });
}

/** @throws ApiError 403 when the client has a higher role than the caller. */
export function checkMayModify(caller: Caller, record: Pick<ClientRecord, 'client_id' | 'role'>): void {
  if (!outranks(record.role ?? 'contributor', caller.role)) return;
  throw new ApiError('client_rights', {
    message: `${presentCaller(caller)} has insufficient permissions to modify client '${record.client_id}'`,
  });
}

/** @throws ApiError 403 when the role is higher than the caller's. */
export function checkMayAssign(caller: Caller, role: string | undefined, clientId: string): void {
  if (role === undefined || !outranks(role, caller.role)) return;
  throw new ApiError('client_rights', {
    message: `${presentCaller(caller)} has insufficient permissions to assign role '${role}' to client '${clientId}'`,
  });
}

function presentCaller(caller: Caller): string {
  return caller.clientId ?? 'The caller';
}
