import type { Db } from 'mongodb';
import { type Finding, nothingFound, type Survey } from '../core/adoption.js';
import { isEquivalent, type StoredIndexRow } from '../db/indexes.js';

/** The surveys, indexes and collections of all areas. */
export interface SurveyTables {
  /** The surveys by collection name; a name that ends with a dot is the prefix of several collections. */
  surveys: Readonly<Record<string, Survey>>;
  indexes: readonly StoredIndexRow[];
  /** The collections that the areas list, in order. */
  collections: readonly string[];
}

/** Surveys a database; returns for each collection its documents, what a migration would change, and what cannot be read. */
export async function surveyDatabase(db: Db, tables: SurveyTables): Promise<Finding[]> {
  const present = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const others = present.filter((name) => !tables.collections.includes(name)).sort();
  const findings: Finding[] = [];
  for (const collection of [...tables.collections, ...others]) {
    const documents = present.includes(collection)
      ? await db.collection(collection).estimatedDocumentCount()
      : 0;
    const surveyed = documents > 0 ? await findSurvey(tables, collection)(db, collection) : nothingFound;
    const missing = await findMissingIndexes(db, collection, tables);
    const changes = missing.length > 0 ? [`would create indexes: ${missing.join(', ')}`] : [];
    if (documents === 0 && changes.length === 0) continue;
    findings.push({ collection, documents, ...surveyed, changes: [...surveyed.changes, ...changes] });
  }
  return findings;
}

/** Returns a collection's survey; documents of collections without one are only counted. */
function findSurvey({ surveys }: SurveyTables, collection: string): Survey {
  const prefix = Object.keys(surveys).find((name) => name.endsWith('.') && collection.startsWith(name));
  return surveys[prefix ?? collection] ?? (async () => nothingFound);
}

async function findMissingIndexes(db: Db, collection: string, { indexes }: SurveyTables): Promise<string[]> {
  const rows = indexes.filter((row) => row.collectionName === collection);
  const live = await db
    .collection(collection)
    .indexes()
    .catch(() => []);
  return rows.filter((row) => !live.some((index) => isEquivalent(row, index))).map((row) => row.name);
}
