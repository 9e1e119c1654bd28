import type { Core } from '../core/core.js';
import { dropReplacedIndexes } from '../db/indexes.js';
import type { PeriodicServices } from '../periodic/services.js';
import type { MigrationTables } from './migrate.js';

/** The `_id` of the document that records that an existing database's documents were marked. */
const adoptedBeat = 'adopted';

/**
 * Marks the documents of an existing database once, as `queuepass migrate` does; only that command marks documents that
 * a Testflinger server stores later. The server handles requests meanwhile; if the process stops, the next start
 * continues. Replaced indexes are dropped at each start, since a process of an older version creates them again.
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
    if (dropped.length > 0) log.info({ dropped }, 'dropped replaced indexes');
  } catch (error) {
    log.warn(
      { err: error },
      'could not mark all documents of an existing database; the next start continues',
    );
  }
}
