import type { Core } from '../core/core.js';
import { dropReplacedIndexes } from '../db/indexes.js';
import type { PeriodicServices } from '../periodic/services.js';
import type { MigrationTables } from './migrate.js';

/** Name of the beat that says that the documents of an existing database were adopted. */
const adoptedBeat = 'adopted';

/**
 * Marks the documents of an existing database as `queuepass migrate` does, once; later ones are marked by that command.
 * Requests are served meanwhile; a start that is interrupted leaves the rest to the next. Indexes that others replace
 * are dropped at each start, since a process of an older version makes them again.
 */
export async function adoptAtStart(
  { collections, connection: { db }, log }: Core & Pick<PeriodicServices, 'collections'>,
  { adoption, indexes }: MigrationTables,
): Promise<void> {
  const { serviceBeats } = collections;
  try {
    if ((await serviceBeats.findOne({ _id: adoptedBeat })) === null) {
      const outcomes: Record<string, unknown> = {};
      for (const { name, isFinal, run, hasChanged } of adoption) {
        if (isFinal) continue;
        const outcome = await run(db, () => undefined);
        if (hasChanged(outcome)) outcomes[name] = outcome;
      }
      await serviceBeats.updateOne({ _id: adoptedBeat }, { $currentDate: { at: true } }, { upsert: true });
      if (Object.keys(outcomes).length > 0)
        log.info(outcomes, 'marked the documents of an existing database');
    }
    const dropped = await dropReplacedIndexes(db, indexes);
    if (dropped.length > 0) log.info({ dropped }, 'dropped indexes that others replace');
  } catch (error) {
    log.warn(
      { err: error },
      'not all documents of an existing database are marked; the next start continues',
    );
  }
}
