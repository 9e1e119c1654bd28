import { digestSecret, makeServerKey } from '../auth/client-key-format.js';
import type { ClientKey } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../http/errors.js';
import { presentDate } from '../http/present-date.js';
import type { KeyInput } from './client-schema.js';

/** Keys that one client may have at a time: enough to rotate with overlap. */
export const keysAtMost = 10;

/** A key as its client gets it, once. */
export interface MadeKey {
  key_id: string;
  client_key: string;
  expires_at: string | null;
}

/**
 * Makes a key for a client and stores the digest of its secret.
 * @throws ApiError 409 when the client has 10 keys already.
 */
export async function makeClientKey(deps: Deps, clientId: string, input: KeyInput = {}): Promise<MadeKey> {
  const { clientKeys } = deps.collections;
  const { keyId, secret, text } = makeServerKey();
  const now = deps.clock.now();
  const expiresAt =
    input.expires_after === undefined ? undefined : new Date(now.getTime() + input.expires_after * 1000);
  await clientKeys.insertOne({
    key_id: keyId,
    client_id: clientId,
    secret_sha256: digestSecret(secret),
    created_at: now,
    ...(input.label !== undefined && { label: input.label }),
    ...(expiresAt && { expires_at: expiresAt }),
  });
  // Counted after the insert, so that two requests at once cannot both take the last place.
  if ((await clientKeys.countDocuments(filterActive(clientId, now))) > keysAtMost) {
    await clientKeys.deleteOne({ key_id: keyId });
    throw new ApiError('too_many_keys');
  }
  return { key_id: keyId, client_key: text, expires_at: expiresAt ? presentDate(expiresAt) : null };
}

/** The keys of a client that have not expired, the oldest first, without their secrets. */
export async function listClientKeys(deps: Deps, clientId: string): Promise<object[]> {
  const keys = await deps.collections.clientKeys
    .find(filterActive(clientId, deps.clock.now()))
    .sort({ created_at: 1 })
    .toArray();
  return keys.map(presentKey);
}

/** Ends one key of a client at once. @throws ApiError 404 when it has none of this id. */
export async function removeClientKey(deps: Deps, clientId: string, keyId: string): Promise<void> {
  const { deletedCount } = await deps.collections.clientKeys.deleteOne({
    client_id: clientId,
    key_id: keyId,
  });
  if (deletedCount === 0) throw new ApiError('key_not_found');
}

// MongoDB removes expired keys within a minute or so; until then they are passed over.
function filterActive(clientId: string, now: Date) {
  return { client_id: clientId, $or: [{ expires_at: { $exists: false } }, { expires_at: { $gt: now } }] };
}

function presentKey(key: ClientKey): object {
  return {
    key_id: key.key_id,
    label: key.label ?? null,
    created_at: presentDate(key.created_at),
    expires_at: key.expires_at ? presentDate(key.expires_at) : null,
    last_used_on: key.last_used_on ?? null,
  };
}
