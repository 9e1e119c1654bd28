import { MongoServerError } from 'mongodb';
import { indexTable, prepareAreas, type ServerDeps } from '../areas.js';
import { classifyDatabaseError } from '../db/classify-error.js';
import { ensureIndexes } from '../db/indexes.js';
import { StartError } from '../errors/start-error.js';

const retryMs = 1000;

/** Milliseconds after which a MongoDB that does not respond to a command counts as not reachable. */
const responseTimeoutMs = 10_000;

/** Reports that a server which has started must end: it would serve with a setting that the database refuses. */
export type OnRefused = (error: StartError) => void;

/**
 * Prepares the database for every area and creates the indexes. If MongoDB is not reachable, the server starts anyway:
 * requests get 503, and the preparation is repeated until it succeeds.
 * @param onRefused called if a later attempt finds what would have stopped the start
 * @throws StartError if MongoDB refuses the credentials, the user lacks a privilege, or a key is not the one of the database
 */
export async function prepareDatabase(deps: ServerDeps, onRefused: OnRefused): Promise<void> {
  const first = prepare(deps);
  const outcome = await Promise.race([first.then(() => 'ready' as const, toError), timeout()]);
  if (outcome === 'ready') return;
  if (outcome instanceof Error && classifyDatabaseError(outcome) !== 'unavailable') throw outcome;
  const cause = outcome instanceof Error ? outcome : undefined;
  deps.log.warn({ err: cause }, 'MongoDB is not reachable: requests get 503 until it is');
  void retry(deps, first, onRefused);
}

function timeout(): Promise<undefined> {
  return new Promise((done) => setTimeout(() => done(undefined), responseTimeoutMs).unref());
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

async function prepare(deps: ServerDeps): Promise<void> {
  try {
    await prepareAreas(deps);
    await ensureIndexes(deps.connection.db, indexTable);
  } catch (error) {
    throw explainRefusal(error) ?? error;
  }
}

/** Explains the error codes AuthenticationFailed (18), AtlasError (8000) and Unauthorized (13). */
function explainRefusal(error: unknown): StartError | undefined {
  if (!(error instanceof MongoServerError)) return undefined;
  const settings = 'MONGODB_URI, or MONGODB_USERNAME, MONGODB_PASSWORD and MONGODB_AUTH_SOURCE';
  if (error.code === 18 || error.code === 8000) {
    return new StartError(`MongoDB refuses the user name or password: see ${settings}`);
  }
  if (error.code === 13) {
    return new StartError(
      `MongoDB does not allow this user to create indexes (role readWrite): see ${settings}`,
    );
  }
  return undefined;
}

/** Waits for the attempt in progress, then repeats it until one attempt succeeds or the server must end. */
async function retry(deps: ServerDeps, inProgress: Promise<void>, onRefused: OnRefused): Promise<void> {
  for (let attempt = inProgress; ; attempt = prepare(deps)) {
    try {
      await attempt;
      deps.log.info('MongoDB is reachable');
      return;
    } catch (error) {
      if (error instanceof StartError) return onRefused(error);
      deps.log.warn({ err: error }, 'MongoDB is not ready yet');
      await new Promise((done) => setTimeout(done, retryMs).unref());
    }
  }
}
