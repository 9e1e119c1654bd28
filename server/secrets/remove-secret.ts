import type { Principal } from '../principal/principal.js';
import { getStoreFor } from './secret-checks.js';
import type { SecretPlace } from './secrets-store.js';
import type { SecretServices } from './services.js';

/** Removes a secret of the caller; does nothing if it does not exist. @throws ApiError as `getStoreFor` */
export async function removeSecret(
  deps: Pick<SecretServices, 'secretsStore'>,
  caller: Principal,
  place: SecretPlace,
): Promise<void> {
  await getStoreFor(deps, caller, place).remove(place);
}
