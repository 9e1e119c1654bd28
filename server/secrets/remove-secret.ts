import type { Caller } from '../principal/principal.js';
import type { Deps } from '../deps.js';
import { getStoreFor } from './secret-checks.js';
import type { SecretPlace } from './secrets-store.js';

/** Removes a secret of the caller, whether or not there is one. @throws ApiError as `getStoreFor`. */
export async function removeSecret(deps: Deps, caller: Caller, place: SecretPlace): Promise<void> {
  await getStoreFor(deps, caller, place).remove(place);
}
