import type { AuthServices } from './services.js';
import type { Core } from '../core/core.js';
import type { ClientKey } from './collections.js';
import type { ClientRecord } from '../principal/client-record.js';
import { matchesDigest, type ServerKey } from './client-key-format.js';

/**
 * Returns the record of `clientId` if the key made by the server is one of that client's and has not expired or been
 * removed, else `undefined`. The key and the client's record are read at the same time.
 */
export async function verifyServerKey(
  deps: Core & Pick<AuthServices, 'collections' | 'findClient' | 'findClientKey'>,
  clientId: string,
  { keyId, secret }: ServerKey,
): Promise<ClientRecord | undefined> {
  const [found, record] = await Promise.all([deps.findClientKey(keyId), deps.findClient(clientId)]);
  if (!found || !record || !matchesDigest(secret, found.secret_sha256) || found.client_id !== clientId)
    return undefined;
  const now = deps.clock.now();
  if (found.expires_at !== undefined && found.expires_at <= now) return undefined;
  await recordUse(deps, found, now.toISOString().slice(0, 10));
  return record;
}

/** Stores the day of use, at most once a day for each key; a failure does not fail the login. */
async function recordUse(
  deps: Core & Pick<AuthServices, 'collections'>,
  key: ClientKey,
  today: string,
): Promise<void> {
  if (key.last_used_on === today) return;
  try {
    await deps.collections.clientKeys.updateOne({ key_id: key.key_id }, { $set: { last_used_on: today } });
  } catch (error) {
    deps.log.warn({ err: error, key_id: key.key_id }, 'could not store the last day of use of a client key');
  }
}
