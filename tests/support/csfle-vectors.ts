import { readFileSync } from 'node:fs';
import { type Binary, BSON, type Document } from 'mongodb';
import { openBytes } from '../../server/crypto/sealed-bytes.js';
import type { DataKey } from '../../server/crypto/sealed-value.js';

interface Vectors {
  /** In the form of `TESTFLINGER_SECRETS_MASTER_KEY`. */
  masterKeyText: string;
  masterKey: Buffer;
  keyVaultDocument: Document;
  keyMaterial: Buffer;
  dataKey: DataKey;
  secrets: { key: string; plaintext: string; value: Binary }[];
}

/**
 * Reads values that Testflinger's library (pymongo, local KMS) encrypted. `tests/fixtures/csfle-vectors.json` is a copy
 * of the project's reference file of that name, unchanged. Its field `about` describes how it was made.
 */
export function readCsfleVectors(): Vectors {
  const file = new URL('../fixtures/csfle-vectors.json', import.meta.url);
  const read = BSON.EJSON.parse(readFileSync(file, 'utf8')) as Document;
  const masterKeyText = read.TESTFLINGER_SECRETS_MASTER_KEY as string;
  const masterKey = Buffer.from(masterKeyText, 'base64');
  const document = read.key_vault.document as Document;
  const keyMaterial = Buffer.from((document.keyMaterial as Binary).buffer);
  const key = openBytes(masterKey, Buffer.alloc(0), keyMaterial);
  if (key === undefined) throw new Error('the master key of the vectors does not open their data key');
  const id = Buffer.from((document._id as Binary).buffer);
  return {
    masterKeyText,
    masterKey,
    keyVaultDocument: document,
    keyMaterial,
    dataKey: { id, key },
    secrets: read.secrets as Vectors['secrets'],
  };
}
