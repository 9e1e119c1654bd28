import { digestSecret, makeServerKey, readServerKey } from '../auth/client-key-format.js';
import type { AuthCollections } from '../auth/collections.js';
import { findText, writeFileDurably } from '../core/durable-file.js';
import { adminClientId } from './client-rights.js';

/**
 * Creates the built-in admin client with a key in `keyFile`, if the database has no admin client. The file is written
 * first: if the process stops in between, the next start uses the key in the file.
 * @returns whether the client was created
 */
export async function ensureAdminClient(collections: AuthCollections, keyFile: string): Promise<boolean> {
  if ((await collections.clients.findOne({ client_id: adminClientId })) !== null) return false;
  const existing = findText(keyFile);
  if (existing === undefined || readServerKey(existing) === undefined)
    writeFileDurably(keyFile, `${makeServerKey().text}\n`);
  await setAdminKey(collections, findText(keyFile) as string);
  return true;
}

/** Makes a new key for the admin client, and creates the client if needed; removes its earlier keys and refresh tokens. @returns the key */
export async function resetAdminKey(collections: AuthCollections): Promise<string> {
  const { text } = makeServerKey();
  await setAdminKey(collections, text);
  return text;
}

/** Stores a key made by the server as the only key of the admin client. @throws TypeError for any other text */
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
  await deleteRefreshTokens(collections);
}

/**
 * Stores a secret, given as its bcrypt hash, as the only key of the admin client; removes its earlier keys and refresh
 * tokens.
 */
export async function setAdminSecret(
  collections: AuthCollections,
  hash: string,
): Promise<'created' | 'updated'> {
  const outcome = await replaceAdminRecord(collections, { $set: { client_secret_hash: hash } });
  await collections.clientKeys.deleteMany({ client_id: adminClientId });
  await deleteRefreshTokens(collections);
  return outcome;
}

/** Removes the admin client's refresh tokens: one that was issued for a leaked key would keep the admin's rights for days. */
async function deleteRefreshTokens({ refreshTokens }: AuthCollections): Promise<void> {
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
