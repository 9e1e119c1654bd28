import type { SecretServices } from './services.js';
import type { Core } from '../core/core.js';
import { commonErrors } from '../errors/common-errors.js';
import type { Principal } from '../principal/principal.js';
import { ApiError } from '../errors/api-error.js';
import { getStoreFor } from './secret-checks.js';
import { defaultExpirySeconds, type SecretInput } from './secret-schema.js';
import type { SecretPlace } from './secrets-store.js';

/**
 * Stores a secret of the caller, over the one that is there; an ephemeral one has no expiry.
 * @returns when it expires, as it is presented
 * @throws ApiError as `getStoreFor`, after 422 for an expiry of an ephemeral secret; the store's own errors.
 */
export async function putSecret(
  deps: Core & Pick<SecretServices, 'secretsStore'>,
  { caller, place, input }: { caller: Principal; place: SecretPlace; input: SecretInput },
): Promise<string | null> {
  const { value, ephemeral = false, expire_after: seconds } = input;
  if (ephemeral && seconds != null) {
    const reason = 'ephemeral and expire_after exclude each other.';
    throw new ApiError(commonErrors.validation, { detail: { json: { _schema: [reason] } } });
  }
  const store = getStoreFor(deps, caller, place);
  const now = deps.clock.now();
  if (ephemeral) {
    await store.put(place, { value, ephemeral }, now);
    return null;
  }
  const expiresAt = new Date(now.getTime() + (seconds ?? defaultExpirySeconds) * 1000);
  await store.put(place, { value, ephemeral, expiresAt }, now);
  return presentExpiry(expiresAt);
}

/** `2027-11-23T03:41:25.922000+00:00`: Python before 3.11 reads neither a `Z` nor another number of digits. */
function presentExpiry(date: Date): string {
  return date.toISOString().replace(/Z$/, '000+00:00');
}
