import { hkdfSync } from 'node:crypto';
import { isDuplicateKey } from '../db/classify-error.js';
import { StartError } from '../errors/start-error.js';
import type { SessionCollections } from './collections.js';

/** The settings of the key. */
export interface WebKeySettings {
  webSecretKey: string | undefined;
  webSecretKeyPrevious: string | undefined;
}

/** Lists the keys, the current one first. */
export function listWebKeys({ webSecretKey, webSecretKeyPrevious }: WebKeySettings): Buffer[] {
  return [webSecretKey, webSecretKeyPrevious]
    .filter((key) => key !== undefined)
    .map((key) => Buffer.from(key));
}

/**
 * Checks that this process has the same `WEB_SECRET_KEY` as all others on the database, by a value that the first start stores.
 * A start with a new key and the stored one as `WEB_SECRET_KEY_PREVIOUS` moves the value to the new key.
 * @throws StartError for another key
 */
export async function checkWebKey(
  { webKeyChecks }: Pick<SessionCollections, 'webKeyChecks'>,
  config: WebKeySettings,
): Promise<void> {
  const [current, previous] = listWebKeys(config).map(presentCheck);
  if (current === undefined) return;
  const _id = 'web_secret_key';
  const stored = { $in: [current, ...(previous === undefined ? [] : [previous])] };
  const { matchedCount } = await webKeyChecks.updateOne({ _id, check: stored }, { $set: { check: current } });
  if (matchedCount === 1) return;
  try {
    await webKeyChecks.insertOne({ _id, check: current });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    // Another process may have stored the same key in between.
    if ((await webKeyChecks.findOne({ _id, check: stored })) !== null) return;
    throw new StartError(
      'WEB_SECRET_KEY is not the key of the other processes on this database: set the same key everywhere; after a loss, `queuepass session clear` ends all sessions and forgets the key',
    );
  }
}

/** Returns a value that shows whether two keys are equal, from which the key cannot be computed. */
function presentCheck(key: Buffer): string {
  return Buffer.from(hkdfSync('sha256', key, '', 'queuepass web key check', 32)).toString('base64url');
}
