import type { Db } from 'mongodb';
import type { AdoptionStep } from '../core/adoption.js';
import { dropReplacedIndexes, ensureIndexes, type StoredIndexRow } from '../db/indexes.js';

/** The steps and indexes of a migration, from the rows of all areas. */
export interface MigrationTables {
  adoption: readonly AdoptionStep[];
  indexes: readonly StoredIndexRow[];
}

/** The outcome of each step of a migration, by the step's name. */
export type MigrationOutcomes = Record<string, unknown>;

/**
 * Creates the indexes and the few new fields that a Testflinger database lacks. It deletes no documents, and a Testflinger
 * server can still use the database afterwards, unless `finish` is set: then the final steps run too. It can be
 * interrupted and run again, while servers are running.
 */
export async function migrate(
  db: Db,
  { adoption, indexes }: MigrationTables,
  { finish = false, report = () => undefined }: { finish?: boolean; report?: (line: string) => void } = {},
): Promise<MigrationOutcomes> {
  report('creating missing indexes');
  await ensureIndexes(db, indexes);
  const migrated: MigrationOutcomes = {};
  for (const step of adoption.filter(({ isFinal }) => finish || !isFinal)) {
    if (step.announcement !== undefined) report(step.announcement);
    migrated[step.name] = await step.run(db, report);
  }
  await dropReplacedIndexes(db, indexes);
  return migrated;
}
