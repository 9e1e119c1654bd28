import { Binary, type Db } from 'mongodb';
import type { Survey } from '../core/adoption.js';

/** Where a sealed value holds the id of its data key: after one byte that tells its kind. */
const keyIdFrom = 1;
const keyIdTo = 17;

/** Secrets whose value is not sealed, or whose data key is not in the key vault of this server; nothing is opened. */
export const surveySecrets: Survey = async (db, collection) => {
  const problems: string[] = [];
  const elsewhere = new Set<string>();
  const known = await listDataKeys(db);
  for await (const { key, value } of db
    .collection(collection)
    .find({}, { projection: { key: 1, value: 1 } })) {
    const isSealed = value instanceof Binary && value.sub_type === Binary.SUBTYPE_ENCRYPTED;
    if (!isSealed) problems.push(`the secret ${key} is not sealed, and reads as empty`);
    else elsewhere.add(Buffer.from(value.value()).toString('hex', keyIdFrom, keyIdTo));
  }
  const missing = [...elsewhere].filter((id) => !known.has(id)).length;
  const notes =
    missing > 0 ? [`${missing} data keys are not in the key vault here: see TESTFLINGER_KEY_VAULT_URI`] : [];
  return { changes: [], problems, notes };
};

async function listDataKeys(db: Db): Promise<Set<string>> {
  const vault = db.client.db('encryption').collection<{ _id: Binary }>('__keyVault');
  const keys = await vault.find({}, { projection: { _id: 1 } }).toArray();
  return new Set(keys.map(({ _id }) => Buffer.from(_id.value()).toString('hex')));
}
