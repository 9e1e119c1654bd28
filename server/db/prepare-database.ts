import { MongoServerError } from 'mongodb';
import type { OwnedDeps } from '../create-deps.js';
import { classifyDatabaseError } from './classify-error.js';
import { ensureIndexes } from './indexes.js';
import { StartError } from './start-error.js';

const retryMs = 1000;
const authenticationFailed = 18;

/**
 * Measures the clock and makes the indexes. A MongoDB that is away delays this and not the start: requests get 503
 * meanwhile, and it is tried again until it succeeds.
 * @throws StartError when MongoDB refuses the credentials.
 */
export async function prepareDatabase(deps: OwnedDeps): Promise<void> {
  deps.clock.start();
  try {
    await prepare(deps);
  } catch (error) {
    if (classifyDatabaseError(error) !== 'unavailable') throw error;
    deps.log.warn({ err: error }, 'MongoDB is not reachable: requests get 503 until it is');
    void retry(deps);
  }
}

async function prepare({ clock, collections }: OwnedDeps): Promise<void> {
  try {
    await clock.measure();
    await ensureIndexes(collections);
  } catch (error) {
    if (error instanceof MongoServerError && error.code === authenticationFailed) {
      throw new StartError(
        'MongoDB refuses the user name or password: see MONGODB_URI, or MONGODB_USERNAME and MONGODB_PASSWORD',
      );
    }
    throw error;
  }
}

async function retry(deps: OwnedDeps): Promise<void> {
  for (;;) {
    await new Promise((done) => setTimeout(done, retryMs).unref());
    try {
      await prepare(deps);
      deps.log.info('MongoDB is reachable');
      return;
    } catch (error) {
      deps.log.warn({ err: error }, 'MongoDB is not ready yet');
    }
  }
}
