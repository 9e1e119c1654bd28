import type { Collection } from 'mongodb';
import { digestSecret, makeServerKey } from '../auth/client-key-format.js';
import type { ClientKey } from '../auth/collections.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import { presentDate } from '../http/present-date.js';
import type { Principal } from '../principal/principal.js';
import { checkMayCreateKey } from './client-rights.js';
import type { KeyInput } from './client-schema.js';
import { clientErrors } from './errors.js';

/** Maximum number of keys of a client, which allows old and new keys to overlap in a rotation. */
const maxKeysPerClient = 10;

/** A new key as its client gets it, once. */
export interface MadeKey {
  key_id: string;
  client_key: string;
  expires_at: string | null;
}

/**
 * A stored key. Its `_id` is its client and a place from 0 to 9, so that MongoDB itself refuses an eleventh key, even
 * when many requests arrive at once.
 */
type PlacedKey = ClientKey & { _id: { client_id: string; place: number } };

function placedKeys({ collections }: Pick<AuthServices, 'collections'>): Collection<PlacedKey> {
  return collections.clientKeys as unknown as Collection<PlacedKey>;
}

/**
 * Makes a key for a client and stores the digest of its secret.
 * @param caller who asks for the key; absent if a manager does, or the server itself
 * @throws ApiError 403 when the caller's own key expires before the new one would, 409 when the client already has 10 keys,
 * 404 when another request has removed the client
 */
export async function makeClientKey(
  deps: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
  input: KeyInput = {},
  caller?: Principal,
): Promise<MadeKey> {
  const { keyId, secret, text } = makeServerKey();
  const now = deps.clock.now();
  const expiresAt =
    input.expires_after === undefined ? undefined : new Date(now.getTime() + input.expires_after * 1000);
  if (caller !== undefined) checkMayCreateKey(caller, expiresAt);
  await storeKey(deps, {
    key_id: keyId,
    client_id: clientId,
    secret_sha256: digestSecret(secret),
    created_at: now,
    ...(input.label !== undefined && { label: input.label }),
    ...(expiresAt && { expires_at: expiresAt }),
  });
  // If the client was removed in between, a later client with its id must not inherit the key.
  if ((await deps.collections.clients.countDocuments({ client_id: clientId })) === 0) {
    await deps.collections.clientKeys.deleteOne({ key_id: keyId });
    throw new ApiError(clientErrors.notFound);
  }
  return { key_id: keyId, client_key: text, expires_at: expiresAt ? presentDate(expiresAt) : null };
}

/** @throws ApiError 409 when the client has 10 keys that have not expired */
export async function checkKeyLimit(
  deps: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<void> {
  const count = await deps.collections.clientKeys.countDocuments(filterActive(clientId, deps.clock.now()));
  if (count >= maxKeysPerClient) throw new ApiError(clientErrors.tooManyKeys);
}

async function storeKey(deps: Pick<AuthServices, 'collections'>, key: ClientKey): Promise<void> {
  const keys = placedKeys(deps);
  await keys.deleteMany({ client_id: key.client_id, expires_at: { $lte: key.created_at } });
  const taken = await keys.find({ client_id: key.client_id }, { projection: { _id: 1 } }).toArray();
  const places = Array.from({ length: maxKeysPerClient }, (_, place) => place);
  const free = places.filter((place) => !taken.some(({ _id }) => _id.place === place));
  for (const place of free) {
    try {
      await keys.insertOne({ ...key, _id: { client_id: key.client_id, place } });
      return;
    } catch (error) {
      // Another request has taken this place, so the loop tries the next one.
      if (!isDuplicateKey(error)) throw error;
    }
  }
  throw new ApiError(clientErrors.tooManyKeys);
}

/** Returns a client's keys that have not expired, the oldest first, without their secrets. */
export async function listClientKeys(
  deps: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<object[]> {
  const keys = await deps.collections.clientKeys
    .find(filterActive(clientId, deps.clock.now()))
    .sort({ created_at: 1, key_id: 1 })
    .toArray();
  return keys.map(presentKey);
}

/** Removes a key of a client; the key stops working at once. @throws ApiError 404 when the client has no key with this id */
export async function removeClientKey(
  deps: Pick<AuthServices, 'collections'>,
  clientId: string,
  keyId: string,
): Promise<void> {
  const { deletedCount } = await deps.collections.clientKeys.deleteOne({
    client_id: clientId,
    key_id: keyId,
  });
  if (deletedCount === 0) throw new ApiError(clientErrors.keyNotFound);
}

// MongoDB removes expired keys within about a minute; until then this filter excludes them.
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
