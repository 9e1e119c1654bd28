import { checkNotRemoved } from '../auth/check-not-removed.js';
import { authErrors } from '../auth/errors.js';
import type { AuthServices } from '../auth/services.js';
import type { ClientServices } from '../clients/services.js';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { Principal } from '../principal/principal.js';
import { getStoreFor } from './secret-checks.js';
import { defaultExpirySeconds, type SecretInput } from './secret-schema.js';
import type { SecretPlace } from './secrets-store.js';
import type { SecretServices } from './services.js';

type PutDeps = Core &
  Pick<SecretServices, 'secretsStore'> &
  Pick<AuthServices, 'collections'> &
  Pick<ClientServices, 'collections'>;

/**
 * Stores a secret of the caller, and replaces an existing one. An ephemeral secret does not expire, and neither does one
 * whose `expire_after` is null, which `testflinger-cli secret write --expire-after -1` sends.
 * @returns the expiry as the response shows it, `null` for a secret that does not expire
 * @throws ApiError 422 if an ephemeral secret has an expiry, then as `getStoreFor`; 401 if the caller was removed or disabled meanwhile; errors of the store
 */
export async function putSecret(
  deps: PutDeps,
  { caller, place, input }: { caller: Principal; place: SecretPlace; input: SecretInput },
): Promise<string | null> {
  const { value, ephemeral = false, expire_after: seconds = ephemeral ? null : defaultExpirySeconds } = input;
  if (ephemeral && seconds !== null) {
    const reason = 'ephemeral and expire_after exclude each other.';
    throw new ApiError(commonErrors.validation, { detail: { json: { _schema: [reason] } } });
  }
  const store = getStoreFor(deps, caller, place);
  const now = deps.clock.now();
  const expiresAt = seconds === null ? undefined : new Date(now.getTime() + seconds * 1000);
  await store.put(place, { value, ephemeral, ...(expiresAt && { expiresAt }) }, now);
  try {
    await checkStillClient(deps, caller);
  } catch (error) {
    await store.remove(place);
    throw error;
  }
  return expiresAt === undefined ? null : presentExpiry(expiresAt);
}

/**
 * Checks after the write that the client was not removed meanwhile: its secrets could have been removed before the write,
 * and a later client of the id could then read this one. The first collection has the id until the second one has it.
 */
async function checkStillClient(deps: PutDeps, caller: Principal): Promise<void> {
  const ending = await deps.collections.endingClients.findOne({ _id: caller.clientId ?? '' });
  if (ending !== null) throw new ApiError(authErrors.tokenExpired, { reason: 'client removed' });
  await checkNotRemoved(deps, caller);
}

/**
 * Formats a date like `2027-11-23T03:41:25.922000+00:00`. Python before 3.11 cannot parse a `Z` or another number of
 * digits.
 */
function presentExpiry(date: Date): string {
  return date.toISOString().replace(/Z$/, '000+00:00');
}
