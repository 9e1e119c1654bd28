import { ApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { clientErrors } from './errors.js';

/** The id of the built-in admin client, which only `queuepass admin` can change. */
export const adminClientId = 'testflinger-admin';

/** @throws ApiError 422 for the built-in admin client, with `action` as the word in its message */
export function checkNotAdminClient(clientId: string, action: 'modified' | 'deleted' = 'modified'): void {
  if (clientId !== adminClientId) return;
  throw new ApiError(clientErrors.adminFixed, {
    message: `Error: System admin client cannot by ${action} from API.`,
  });
}

/** @throws ApiError 403 when the client's role is higher than the caller's */
export function checkMayModify(caller: Principal, record: Pick<ClientRecord, 'client_id' | 'role'>): void {
  if (may(caller, 'modifyClient', record)) return;
  throw new ApiError(clientErrors.insufficientRights, {
    message: `${presentCaller(caller)} has insufficient permissions to modify client '${record.client_id}'`,
  });
}

/** @throws ApiError 403 when the role is higher than the caller's */
export function checkMayAssign(caller: Principal, role: string | undefined, clientId: string): void {
  if (role === undefined || may(caller, 'assignRole', { role })) return;
  throw new ApiError(clientErrors.insufficientRights, {
    message: `${presentCaller(caller)} has insufficient permissions to assign role '${role}' to client '${clientId}'`,
  });
}

/** @throws ApiError 403 when the caller sent a key that expires before the new one would, at `expiresAt` */
export function checkMayCreateKey(caller: Principal, expiresAt: Date | undefined): void {
  if (!may(caller, 'createKey', { expires_at: expiresAt })) throw new ApiError(clientErrors.keyOutlives);
}

/** @throws ApiError 403 when the caller sent another key, and that one expires */
export function checkMayRemoveKey(caller: Principal, keyId: string): void {
  if (!may(caller, 'removeKey', { key_id: keyId })) throw new ApiError(clientErrors.keyOfOwner);
}

function presentCaller(caller: Principal): string {
  return caller.clientId ?? 'The caller';
}
