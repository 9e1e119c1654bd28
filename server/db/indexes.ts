import type { Collection, Db, IndexDescriptionInfo } from 'mongodb';
import type { IndexRow } from '../core/index-row.js';

/** An index row with the database's name of its collection. */
export interface StoredIndexRow extends IndexRow {
  collectionName: string;
}

/**
 * Creates the missing indexes of a table. An index with the same keys and another name, such as a Testflinger server's,
 * is used as it is, with the expiry that its operator chose. No index is dropped or changed.
 */
export async function ensureIndexes(db: Db, table: readonly StoredIndexRow[]): Promise<void> {
  const names = [...new Set(table.map((row) => row.collectionName))];
  // One after the other: on a slow disk each takes long, and in a small pool the others would time out.
  for (const name of names) {
    await createMissing(
      db,
      name,
      table.filter((row) => row.collectionName === name),
    );
  }
}

async function createMissing(db: Db, name: string, rows: readonly IndexRow[]): Promise<void> {
  const collection = db.collection(name);
  const present = await listIndexes(collection);
  const missing = rows.filter((row) => !present.some((index) => isEquivalent(row, index)));
  if (missing.length === 0) return;
  await collection.createIndexes(
    missing.map(({ name: index, keys, options }) => ({ name: index, key: keys, ...options })),
  );
}

/**
 * Drops the indexes that rows of the table replace, if the new index exists. Only indexes whose names begin with `qp_` are
 * dropped, never an index of another server.
 * @returns the dropped indexes, as `collection.index`
 */
export async function dropReplacedIndexes(db: Db, table: readonly StoredIndexRow[]): Promise<string[]> {
  const dropped: string[] = [];
  for (const row of table) {
    if (!row.replaces?.length) continue;
    const present = await listIndexes(db.collection(row.collectionName));
    if (!present.some((index) => isEquivalent(row, index))) continue;
    const old = row.replaces.filter(
      (name) => name.startsWith('qp_') && present.some((index) => index.name === name),
    );
    for (const name of old) {
      await db.collection(row.collectionName).dropIndex(name);
      dropped.push(`${row.collectionName}.${name}`);
    }
  }
  return dropped;
}

/**
 * Returns whether an existing index can replace the row's index. MongoDB identifies an index by its keys, uniqueness,
 * filter, sparseness and collation, and refuses a second index that differs only in its name or expiry.
 */
export function isEquivalent({ keys, options }: IndexRow, index: IndexDescriptionInfo): boolean {
  const identity = (key: object, unique: boolean | undefined, partial: object | undefined) =>
    JSON.stringify([Object.entries(key), unique === true, partial ?? null]);
  return (
    identity(keys, options?.unique, options?.partialFilterExpression) ===
      identity(index.key as object, index.unique, index.partialFilterExpression) &&
    index.sparse !== true &&
    index.collation === undefined
  );
}

const namespaceNotFound = 26;

/** Lists the indexes of a collection; none if it does not exist. */
export async function listIndexes(collection: Pick<Collection, 'indexes'>): Promise<IndexDescriptionInfo[]> {
  return collection.indexes().catch((error: { code?: unknown }) => {
    if (error.code === namespaceNotFound) return [];
    throw error;
  });
}
