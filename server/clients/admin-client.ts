import { digestSecret, makeServerKey, readServerKey } from '../auth/client-key-format.js';
import { findText, writeFileDurably } from '../core/durable-file.js';
import type { AuthCollections } from '../auth/collections.js';
import { adminClientId } from './client-rights.js';

/**
 * Makes the built-in admin client with a key in `keyFile`, when the database has none. The file is written first:
 * a start that was cut short in between takes the key that is there.
 * @returns whether it was made now
 */
export async function ensureAdminClient(collections: AuthCollections, keyFile: string): Promise<boolean> {
  if ((await collections.clients.findOne({ client_id: adminClientId })) !== null) return false;
  const kept = findText(keyFile);
  if (kept === undefined || readServerKey(kept) === undefined)
    writeFileDurably(keyFile, `${makeServerKey().text}\n`);
  await setAdminKey(collections, findText(keyFile) as string);
  return true;
}

/** A new key for the admin client, which is made when it is not there; its earlier keys and refresh tokens end. */
export async function resetAdminKey(collections: AuthCollections): Promise<string> {
  const { text } = makeServerKey();
  await setAdminKey(collections, text);
  return text;
}

/** Makes a server-made key the only one of the admin client. */
async function setAdminKey(collections: AuthCollections, text: string): Promise<void> {
  const key = readServerKey(text);
  if (key === undefined) throw new TypeError('not a key made by the server');
  await collections.clientKeys.updateOne(
    { key_id: key.keyId },
    {
      $set: { client_id: adminClientId, secret_sha256: digestSecret(key.secret), label: 'admin key' },
      $currentDate: { created_at: true },
    },
    { upsert: true },
  );
  await replaceAdminRecord(collections, { $unset: { client_secret_hash: true } });
  await collections.clientKeys.deleteMany({ client_id: adminClientId, key_id: { $ne: key.keyId } });
  await endSessions(collections);
}

/**
 * Makes a secret, given as its bcrypt hash, the only key of the admin client; its earlier keys and refresh tokens
 * end.
 */
export async function setAdminSecret(
  collections: AuthCollections,
  hash: string,
): Promise<'created' | 'updated'> {
  const outcome = await replaceAdminRecord(collections, { $set: { client_secret_hash: hash } });
  await collections.clientKeys.deleteMany({ client_id: adminClientId });
  await endSessions(collections);
  return outcome;
}

/** Whoever got a refresh token by a key that leaked would keep the rights of the admin for days. */
async function endSessions({ refreshTokens }: AuthCollections): Promise<void> {
  await refreshTokens.deleteMany({ client_id: adminClientId });
}

async function replaceAdminRecord(
  collections: AuthCollections,
  change: object,
): Promise<'created' | 'updated'> {
  const { upsertedCount } = await collections.clients.updateOne(
    { client_id: adminClientId },
    {
      ...change,
      $setOnInsert: { role: 'admin', max_priority: {}, max_reservation_time: {}, allowed_queues: [] },
    },
    { upsert: true },
  );
  return upsertedCount === 1 ? 'created' : 'updated';
}
