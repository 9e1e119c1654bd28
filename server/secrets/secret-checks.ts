import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import { secretErrors } from './errors.js';
import { isSecretPath, type SecretPlace, type SecretsStore } from './secrets-store.js';
import type { SecretServices } from './services.js';

/** @throws ApiError 422 if the path is not a valid secret path */
function checkSecretPath(path: string): void {
  if (isSecretPath(path)) return;
  throw new ApiError(commonErrors.validation, {
    detail: { json: { path: ['String does not match expected pattern.'] } },
  });
}

/**
 * Returns the store if the caller may change a secret. Clients may change only their own secrets. The store is not read
 * before this check, so an error does not reveal whether the secret exists.
 * @throws ApiError in the order of the v1 contract, section 5: 422 invalid path, 400 no store, 401 anonymous caller,
 * 403 secret of another client
 */
export function getStoreFor(
  deps: Pick<SecretServices, 'secretsStore'>,
  caller: Principal,
  { clientId, path }: SecretPlace,
): SecretsStore {
  checkSecretPath(path);
  if (deps.secretsStore === undefined) throw new ApiError(secretErrors.storeMissing);
  if (caller.clientId === undefined) throw new ApiError(secretErrors.loginRequired);
  if (!may(caller, 'changeSecret', { client_id: clientId })) {
    throw new ApiError(secretErrors.ofOtherClient, {
      message: `'${clientId}' doesn't match authenticated client id`,
    });
  }
  return deps.secretsStore;
}
