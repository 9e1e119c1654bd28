import type { Collection, CreateIndexesOptions, IndexDescriptionInfo } from 'mongodb';

/** An index of a collection that is not in the table of `db/indexes.ts`: that of a client's secrets, or the key vault. */
export interface SecretsIndexRow {
  collection: 'secrets' | 'keyVault';
  name: string;
  keys: Record<string, 1>;
  options: Pick<CreateIndexesOptions, 'unique' | 'expireAfterSeconds' | 'partialFilterExpression'>;
  serves: string;
}

/**
 * Their filters differ from those that a Testflinger server would use, so that it can still make indexes of its own on
 * the same keys: MongoDB refuses a second one only where the filter is the same too.
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
    serves: 'secrets leave at their expiry',
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

/** Makes the indexes that are missing; one on the same keys that does the same, whoever made it, is used as it is. */
export async function ensureSecretsIndexes(
  kind: SecretsIndexRow['collection'],
  collection: Collection,
): Promise<void> {
  const present = await collection.indexes().catch(ignoreMissingCollection);
  for (const row of secretsIndexes.filter((candidate) => candidate.collection === kind)) {
    if (present.some((index) => standsFor(row, index))) continue;
    await collection.createIndexes([{ name: row.name, key: row.keys, ...row.options }]).catch(ignoreDoubles);
  }
}

function standsFor({ keys, options }: SecretsIndexRow, index: IndexDescriptionInfo): boolean {
  const sameKeys = JSON.stringify(index.key) === JSON.stringify(keys);
  const sameUse = (index.unique ?? false) === (options.unique ?? false);
  return (
    sameKeys &&
    sameUse &&
    (index.expireAfterSeconds === undefined) === (options.expireAfterSeconds === undefined)
  );
}

const namespaceNotFound = 26;
const duplicateKey = 11000;

function ignoreMissingCollection(error: { code?: unknown }): IndexDescriptionInfo[] {
  if (error.code === namespaceNotFound) return [];
  throw error;
}

/** An older database may hold two documents of one path: the newest counts, and nothing is deleted. */
function ignoreDoubles(error: { code?: unknown }): void {
  if (error.code !== duplicateKey) throw error;
}
