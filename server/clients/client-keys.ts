import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { clientErrors } from './errors.js';
import type { Collection } from 'mongodb';
import { digestSecret, makeServerKey } from '../auth/client-key-format.js';
import { isDuplicateKey } from '../db/classify-error.js';
import type { ClientKey } from '../auth/collections.js';
import { ApiError } from '../errors/api-error.js';
import { presentDate } from '../http/present-date.js';
import type { KeyInput } from './client-schema.js';

/** Keys that one client may have at a time: enough to rotate with overlap. */
const keysAtMost = 10;

/** A key as its client gets it, once. */
export interface MadeKey {
  key_id: string;
  client_key: string;
  expires_at: string | null;
}

/**
 * A stored key. Its `_id` is its client and one of that client's places, so that MongoDB itself refuses an eleventh,
 * however many ask at once.
 */
type PlacedKey = ClientKey & { _id: { client_id: string; place: number } };

function placedKeys({ collections }: Pick<AuthServices, 'collections'>): Collection<PlacedKey> {
  return collections.clientKeys as unknown as Collection<PlacedKey>;
}

/**
 * Makes a key for a client and stores the digest of its secret.
 * @throws ApiError 409 when the client has 10 keys already, 404 when it was removed meanwhile.
 */
export async function makeClientKey(
  deps: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
  input: KeyInput = {},
): Promise<MadeKey> {
  const { keyId, secret, text } = makeServerKey();
  const now = deps.clock.now();
  const expiresAt =
    input.expires_after === undefined ? undefined : new Date(now.getTime() + input.expires_after * 1000);
  await storeKey(deps, {
    key_id: keyId,
    client_id: clientId,
    secret_sha256: digestSecret(secret),
    created_at: now,
    ...(input.label !== undefined && { label: input.label }),
    ...(expiresAt && { expires_at: expiresAt }),
  });
  // A client removed in between must not leave a key to a later client of its id.
  if ((await deps.collections.clients.countDocuments({ client_id: clientId })) === 0) {
    await deps.collections.clientKeys.deleteOne({ key_id: keyId });
    throw new ApiError(clientErrors.notFound);
  }
  return { key_id: keyId, client_key: text, expires_at: expiresAt ? presentDate(expiresAt) : null };
}

/** @throws ApiError 409 when the client has 10 keys that have not expired. */
export async function checkRoomForKey(
  deps: Core & Pick<AuthServices, 'collections'>,
  clientId: string,
): Promise<void> {
  const count = await deps.collections.clientKeys.countDocuments(filterActive(clientId, deps.clock.now()));
  if (count >= keysAtMost) throw new ApiError(clientErrors.tooManyKeys);
}

async function storeKey(deps: Pick<AuthServices, 'collections'>, key: ClientKey): Promise<void> {
  const keys = placedKeys(deps);
  await keys.deleteMany({ client_id: key.client_id, expires_at: { $lte: key.created_at } });
  const taken = await keys.find({ client_id: key.client_id }, { projection: { _id: 1 } }).toArray();
  const places = Array.from({ length: keysAtMost }, (_, place) => place);
  const free = places.filter((place) => !taken.some(({ _id }) => _id.place === place));
  for (const place of free) {
    try {
      await keys.insertOne({ ...key, _id: { client_id: key.client_id, place } });
      return;
    } catch (error) {
      // Taken by another request meanwhile: the next place.
      if (!isDuplicateKey(error)) throw error;
    }
  }
  throw new ApiError(clientErrors.tooManyKeys);
}

/** The keys of a client that have not expired, the oldest first, without their secrets. */
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

/** Ends one key of a client at once. @throws ApiError 404 when it has none of this id. */
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
