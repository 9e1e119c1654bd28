import type { Db } from 'mongodb';
import type { Logger } from 'pino';

/** Seconds of history above which the start warns. */
const maxHistorySeconds = 10;

const parameter = 'minSnapshotHistoryWindowInSeconds';

/**
 * Warns if MongoDB keeps entries of deleted documents in its indexes for long: a poll walks over those of jobs that were taken
 * before. MongoDB's default is 300 s, for reads of the past, which this server never makes. Logs nothing if the database's
 * user may not read the parameter.
 */
export async function warnOfHistory(db: Db, log: Logger): Promise<void> {
  const seconds = await readHistorySeconds(db);
  if (seconds === undefined || seconds <= maxHistorySeconds) return;
  log.warn(
    { [parameter]: seconds },
    `MongoDB keeps deleted index entries for ${seconds} s, so polls get slow after many jobs: start mongod with --setParameter ${parameter}=0`,
  );
}

async function readHistorySeconds(db: Db): Promise<number | undefined> {
  try {
    const found = await db.client.db('admin').command({ getParameter: 1, [parameter]: 1 });
    return Number(found[parameter]);
  } catch {
    // A user without the role `clusterMonitor`, or a router of a sharded cluster.
    return undefined;
  }
}
