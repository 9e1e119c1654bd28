import type { AuthServices } from './services.js';
import type { Core } from '../core/core.js';
import type { ClientKey } from './collections.js';
import type { ClientRecord } from '../principal/client-record.js';
import { isSecretOf, type ServerKey } from './client-key-format.js';

/**
 * The client that a key made by the server belongs to, if it is `clientId`, and the key has neither ended nor
 * expired. The key and its client's record are read at the same time.
 */
export async function verifyServerKey(
  deps: Core & Pick<AuthServices, 'collections' | 'findClient' | 'findClientKey'>,
  clientId: string,
  { keyId, secret }: ServerKey,
): Promise<ClientRecord | undefined> {
  const [found, record] = await Promise.all([deps.findClientKey(keyId), deps.findClient(clientId)]);
  if (!found || !record || !isSecretOf(secret, found.secret_sha256) || found.client_id !== clientId)
    return undefined;
  const now = deps.clock.now();
  if (found.expires_at !== undefined && found.expires_at <= now) return undefined;
  await markUsed(deps, found, now.toISOString().slice(0, 10));
  return record;
}

/** At most one write a day and key; a login does not fail over it. */
async function markUsed(
  deps: Core & Pick<AuthServices, 'collections'>,
  key: ClientKey,
  today: string,
): Promise<void> {
  if (key.last_used_on === today) return;
  try {
    await deps.collections.clientKeys.updateOne({ key_id: key.key_id }, { $set: { last_used_on: today } });
  } catch (error) {
    deps.log.warn({ err: error, key_id: key.key_id }, 'day of use of a client key not noted');
  }
}
