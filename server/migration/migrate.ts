import type { Db } from 'mongodb';
import type { AdoptionStep } from '../core/adoption.js';
import { dropReplacedIndexes, ensureIndexes, type StoredIndexRow } from '../db/indexes.js';

/** What a migration works by, from the rows of all areas. */
export interface MigrationTables {
  adoption: readonly AdoptionStep[];
  indexes: readonly StoredIndexRow[];
}

/** What each step of a migration did, by the step's name. */
export type Migrated = Record<string, unknown>;

/**
 * Makes the indexes and the few new fields that a Testflinger database lacks. Nothing is deleted, and that server still
 * runs on it afterwards, unless `finish` is set: then the final steps run too. Can be interrupted and run again, beside
 * servers that keep working.
 */
export async function migrate(
  db: Db,
  { adoption, indexes }: MigrationTables,
  { finish = false, report = () => undefined }: { finish?: boolean; report?: (line: string) => void } = {},
): Promise<Migrated> {
  report('making the indexes that are missing');
  await ensureIndexes(db, indexes);
  const migrated: Migrated = {};
  for (const step of adoption.filter(({ isFinal }) => finish || !isFinal)) {
    if (step.announcement !== undefined) report(step.announcement);
    migrated[step.name] = await step.run(db, report);
  }
  await dropReplacedIndexes(db, indexes);
  return migrated;
}
