import type { Collection } from 'mongodb';
import { dataKeyName, type KeyVaultRecord, openKeyMaterial, sealKeyMaterial } from './data-keys.js';

/** What a rotation found and did. */
export interface Rotation {
  /** Data keys sealed anew with the new master key. */
  rewrapped: number;
  /** Those that were sealed with it already, by an earlier run that was cut short. */
  already: number;
  /** The data key of the secrets is not there, or is opened by none of the keys: then nothing was changed. */
  problem?: 'missing' | 'unopened';
}

/**
 * Seals the data keys of the secrets with a new master key; the data keys, and so all values, stay as they are. May be
 * repeated and run twice at once. Keys of the vault that our master keys do not open are others' and left alone.
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

/** Guarded by the sealed key that was read: of two rotations at once, the second reads what the first wrote. */
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
