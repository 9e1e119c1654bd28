import type { Caller } from '../principal/principal.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { isSecretPath, type SecretPlace, type SecretsStore } from './secrets-store.js';

/** @throws ApiError 422 for a path that no secret can have. */
function checkSecretPath(path: string): void {
  if (isSecretPath(path)) return;
  throw new ApiError('validation', {
    detail: { json: { path: ['String does not match expected pattern.'] } },
  });
}

/**
 * The store, when the caller may change a secret: everybody their own only. Nothing is looked up before this is known,
 * so that no refusal tells whether the secret exists.
 * @throws ApiError in the order of the v1 contract, section 5: 422 path, 400 no store, 401 anonymous, 403 another's.
 */
export function getStoreFor(deps: Deps, caller: Caller, { clientId, path }: SecretPlace): SecretsStore {
  checkSecretPath(path);
  if (deps.secretsStore === undefined) throw new ApiError('secrets_store_missing');
  if (caller.clientId === undefined) throw new ApiError('secret_login_required');
  if (caller.clientId !== clientId) {
    throw new ApiError('secret_of_other_client', {
      message: `'${clientId}' doesn't match authenticated client id`,
    });
  }
  return deps.secretsStore;
}
