import { Binary, type Db } from 'mongodb';
import type { Survey } from '../core/adoption.js';

/** Byte offsets of the data key's id in an encrypted value; the byte before it names the algorithm. */
const keyIdStart = 1;
const keyIdEnd = 17;

/**
 * Reports secrets whose value is not encrypted, and data keys that are missing from this server's key vault. It
 * decrypts nothing.
 */
export const surveySecrets: Survey = async (db, collection) => {
  const problems: string[] = [];
  const usedKeyIds = new Set<string>();
  const knownKeyIds = await listDataKeyIds(db);
  for await (const { key, value } of db
    .collection(collection)
    .find({}, { projection: { key: 1, value: 1 } })) {
    const isSealed = value instanceof Binary && value.sub_type === Binary.SUBTYPE_ENCRYPTED;
    if (!isSealed) problems.push(`the secret ${key} is not encrypted: jobs get an empty value`);
    else usedKeyIds.add(Buffer.from(value.value()).toString('hex', keyIdStart, keyIdEnd));
  }
  const missing = [...usedKeyIds].filter((id) => !knownKeyIds.has(id)).length;
  const notes =
    missing > 0 ? [`${missing} data keys are not in this key vault: see TESTFLINGER_KEY_VAULT_URI`] : [];
  return { changes: [], problems, notes };
};

async function listDataKeyIds(db: Db): Promise<Set<string>> {
  const vault = db.client.db('encryption').collection<{ _id: Binary }>('__keyVault');
  const keys = await vault.find({}, { projection: { _id: 1 } }).toArray();
  return new Set(keys.map(({ _id }) => Buffer.from(_id.value()).toString('hex')));
}
