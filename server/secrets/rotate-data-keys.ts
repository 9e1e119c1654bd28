import type { Collection } from 'mongodb';
import { dataKeyName, type KeyVaultRecord, openKeyMaterial, sealKeyMaterial } from './data-keys.js';

/** The result of a rotation. */
export interface Rotation {
  /** How many data keys this run encrypted with the new master key. */
  rewrapped: number;
  /** How many data keys were encrypted with it already, by an earlier run that was interrupted. */
  already: number;
  /** The data key of the secrets does not exist, or none of the keys decrypts it. Nothing was changed. */
  problem?: 'missing' | 'unopened';
}

/**
 * Encrypts the data keys of the secrets with a new master key. The data keys, and so all secrets, stay unchanged. It is
 * safe to repeat a rotation, or to run two at once. Data keys that our master keys do not decrypt belong to other
 * programs and stay unchanged.
 * @param oldKeys the master keys that may be in use
 */
export async function rotateDataKeys(
  vault: Collection<KeyVaultRecord>,
  oldKeys: readonly Buffer[],
  newKey: Buffer,
): Promise<Rotation> {
  const records = await vault.find({ 'masterKey.provider': 'local' }).toArray();
  const named = records.filter(({ keyAltNames }) => keyAltNames?.includes(dataKeyName));
  const none = { rewrapped: 0, already: 0 };
  if (named.length === 0) return { ...none, problem: 'missing' };
  const opens = ({ keyMaterial }: KeyVaultRecord) => openKeyMaterial([newKey, ...oldKeys], keyMaterial);
  if (!named.every(opens)) return { ...none, problem: 'unopened' };
  const rotation: Rotation = { ...none };
  for (const record of records) {
    const outcome = await rewrap(vault, record, { oldKeys, newKey });
    if (outcome !== 'foreign') rotation[outcome] += 1;
  }
  return rotation;
}

/**
 * Encrypts one data key with the new master key. The update applies only if the stored key is still the one that was
 * read; otherwise another rotation changed it, and it is read again.
 */
async function rewrap(
  vault: Collection<KeyVaultRecord>,
  seen: KeyVaultRecord,
  { oldKeys, newKey }: { oldKeys: readonly Buffer[]; newKey: Buffer },
): Promise<'rewrapped' | 'already' | 'foreign'> {
  for (let record: KeyVaultRecord | null = seen; record !== null; ) {
    if (openKeyMaterial([newKey], record.keyMaterial) !== undefined) return 'already';
    const key = openKeyMaterial(oldKeys, record.keyMaterial);
    if (key === undefined) return 'foreign';
    const { matchedCount } = await vault.updateOne(
      { _id: record._id, keyMaterial: record.keyMaterial },
      { $set: { keyMaterial: sealKeyMaterial(newKey, key) }, $currentDate: { updateDate: true } },
    );
    if (matchedCount === 1) return 'rewrapped';
    record = await vault.findOne({ _id: record._id });
  }
  return 'foreign';
}
