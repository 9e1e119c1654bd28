import type { Db } from 'mongodb';
import type { Area } from '../core/area.js';
import type { Core } from '../core/core.js';
import { Batching } from './batching.js';
import { DatabaseClock } from './database-clock.js';
import { warnOfHistory } from './history-window.js';
import { databaseMetrics } from './metrics.js';
import type { DatabaseServices } from './services.js';
import { databaseSettings } from './settings.js';
import { watchMongodb } from './watch-mongodb.js';

/** The connection to MongoDB. */
export const databaseArea: Area<DatabaseServices> = {
  name: 'db',
  settings: databaseSettings,
  metrics: databaseMetrics,
  createServices(deps) {
    watchMongodb(deps as Core & Pick<DatabaseServices, 'metrics'>);
    return { batching: new Batching() };
  },
  async prepare({ connection, clock, log }) {
    // The driver closes a client whose first connection failed, and does not reopen it by itself.
    await connection.client.connect();
    if (clock instanceof DatabaseClock) await clock.start();
    if (await isStandalone(connection.db)) {
      log.warn('MongoDB is not a replica set: requests that wait for a job or a result poll once a second');
    }
    await warnOfHistory(connection.db, log);
  },
  async stop({ connection, clock, batching }) {
    if (clock instanceof DatabaseClock) clock.stop();
    await batching.settle();
    await connection.client.close();
  },
};

/** Returns whether MongoDB has no change streams: it is neither in a replica set nor a router of a sharded cluster. */
async function isStandalone(db: Db): Promise<boolean> {
  const { setName, msg } = await db.command({ hello: 1 });
  return setName === undefined && msg !== 'isdbgrid';
}
