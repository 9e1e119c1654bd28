import type { Collection, CreateIndexesOptions, IndexDescriptionInfo } from 'mongodb';
import { listIndexes } from '../db/indexes.js';

/** An index of the collection of a client's secrets, or of the key vault. `db/indexes.ts` lists the other indexes. */
export interface SecretsIndexRow {
  collection: 'secrets' | 'keyVault';
  name: string;
  keys: Record<string, 1>;
  options: Pick<CreateIndexesOptions, 'unique' | 'expireAfterSeconds' | 'partialFilterExpression'>;
  serves: string;
}

/**
 * The indexes of the secrets. Their filters differ from those of a Testflinger server, so that it can still create its
 * own indexes on the same keys. MongoDB rejects a second index on the same keys only if its filter is the same too.
 */
export const secretsIndexes: readonly SecretsIndexRow[] = [
  {
    collection: 'secrets',
    name: 'qp_key',
    keys: { key: 1 },
    options: { unique: true, partialFilterExpression: { key: { $exists: true } } },
    serves: 'every request about one secret; one secret per path',
  },
  {
    collection: 'secrets',
    name: 'qp_expiry',
    keys: { expire_at: 1 },
    options: { expireAfterSeconds: 0, partialFilterExpression: { expire_at: { $type: 'date' } } },
    serves: 'secrets are removed at their expiry',
  },
  {
    collection: 'keyVault',
    name: 'qp_key_alt_names',
    keys: { keyAltNames: 1 },
    options: { unique: true, partialFilterExpression: { keyAltNames: { $type: 'string' } } },
    serves: 'one data key, however many servers start at once',
  },
];

/** The names under which the reference page shows these collections. */
export const secretsCollectionNames: Readonly<Record<SecretsIndexRow['collection'], string>> = {
  secrets: 'secrets.<client id>',
  keyVault: 'encryption.__keyVault',
};

/**
 * Creates the missing indexes. An existing index with the same keys and effect is kept, whichever program created it.
 */
export async function ensureSecretsIndexes(
  kind: SecretsIndexRow['collection'],
  collection: Collection,
): Promise<void> {
  const present = await listIndexes(collection);
  for (const row of secretsIndexes.filter((candidate) => candidate.collection === kind)) {
    if (present.some((index) => isEquivalent(row, index))) continue;
    await collection
      .createIndexes([{ name: row.name, key: row.keys, ...row.options }])
      .catch(ignoreDuplicates);
  }
}

function isEquivalent({ keys, options }: SecretsIndexRow, index: IndexDescriptionInfo): boolean {
  const sameKeys = JSON.stringify(index.key) === JSON.stringify(keys);
  const sameUse = (index.unique ?? false) === (options.unique ?? false);
  return (
    sameKeys &&
    sameUse &&
    (index.expireAfterSeconds === undefined) === (options.expireAfterSeconds === undefined)
  );
}

const duplicateKey = 11000;

/** Ignores that an older database has two documents for one path. Reads use the newest one; nothing is deleted. */
function ignoreDuplicates(error: { code?: unknown }): void {
  if (error.code !== duplicateKey) throw error;
}
