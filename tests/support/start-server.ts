import type { ExecutionContext } from 'ava';
import { createApp } from '../../server/app.js';
import {
  type Config,
  createDeps,
  endWaits,
  indexTable,
  prepareAreas,
  readConfig,
  type ServerDeps,
  startAreas,
  stopAreas,
} from '../../server/areas.js';
import { BcryptPool, type CompareKind } from '../../server/auth/bcrypt-pool.js';
import type { Clock } from '../../server/core/clock.js';
import { openConnection } from '../../server/db/connect.js';
import { ensureIndexes } from '../../server/db/indexes.js';
import { type BodyTimes, bodyTimes } from '../../server/http/body-time.js';
import { listen } from '../../server/process/http-server.js';
import { createLog } from '../../server/process/log.js';
import { giveDatabase, nameDatabase, takeDatabase } from './database-pool.js';

/** The key with which test servers sign tokens. */
export const testSigningKey = 'a signing key for tests, long enough for HS256';

/** Returns the URI of the MongoDB that `npm test` started for all test files. */
export function testMongodbUri(): string {
  const uri = process.env.QUEUEPASS_TEST_MONGODB_URI;
  if (!uri) throw new Error('start tests with npm test or npm run test:file -- FILE, which start MongoDB');
  return uri;
}

/** The server of one test, on a free port and with its own database. */
export interface TestServer {
  url: string;
  deps: ServerDeps;
  /** The parsed log lines. */
  logged: Record<string, unknown>[];
  /** The log as it was written. */
  logText(): string;
  /** Calls `fetch` with a path of this server. Redirects are not followed. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Stops the server before the end of the test. */
  stop(): Promise<void>;
}

/** Options of a test server. */
export interface TestServerOptions {
  /** Environment variables, which replace the defaults. */
  settings?: Record<string, string>;
  clock?: Clock;
  onCompare?: (kind: CompareKind, cost: number) => void;
  /** Replaces some of the times that bodies may take. */
  bodyTimes?: Partial<BodyTimes>;
  /** The database of an earlier server, for a second process on the same data. */
  database?: string;
  /** For tests of more than documents and indexes, such as plans or sizes: the database is no test's before. */
  newDatabase?: boolean;
}

/**
 * Starts a server that stops when the test ends. Its database is then left to later tests if the test passes, and kept
 * if it fails.
 */
export async function startServer(t: ExecutionContext, options: TestServerOptions = {}): Promise<TestServer> {
  const configured = readConfig({
    MONGODB_URI: testMongodbUri(),
    MONGODB_DATABASE: options.database ?? nameDatabase(),
    MONGODB_MAX_POOL_SIZE: '20',
    JWT_SIGNING_KEY: testSigningKey,
    BCRYPT_COST: '4',
    PORT: '0',
    METRICS_PORT: '0',
    // Raw requests of tests name any host.
    ALLOWED_HOSTS: '*',
    ...options.settings,
  });
  const { config, connection, isPooled, isPrepared } = await openDatabase(configured, options);
  const lines: string[] = [];
  const log = createLog(config, { write: (line) => void lines.push(line) });
  const bcryptPool = options.onCompare && new BcryptPool(config.bcryptCost, options.onCompare);
  const deps = createDeps({
    config,
    connection,
    log,
    ...(options.clock && { clock: options.clock }),
    overrides: {
      ...(bcryptPool && { bcryptPool }),
      ...(options.bodyTimes && { bodyTimes: { ...bodyTimes, ...options.bodyTimes } }),
    },
  });
  try {
    await prepareAreas(deps);
    if (!isPrepared) await ensureIndexes(connection.db, indexTable);
  } catch (error) {
    await stopAreas(deps);
    throw error;
  }
  startAreas(deps);
  const listening = await listen(createApp(deps).callback(), config.listen);
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= end());
  async function end(): Promise<void> {
    await listening.drain(5, () => endWaits(deps));
    // Close it before the database is dropped: its last write would create the database again.
    await deps.waitTimes.close();
    if (t.passed && isPooled) await giveDatabase(connection);
    else if (t.passed && options.database === undefined) await connection.db.dropDatabase();
    await stopAreas(deps);
  }
  t.teardown(stop);
  return {
    url: listening.url,
    deps,
    get logged() {
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    logText: () => lines.join(''),
    request: (path, init) => fetch(listening.url + path, { redirect: 'manual', ...init }),
    stop,
  };
}

/** Opens the database that the options or settings name, or else one of those that tests share in turn. */
async function openDatabase(config: Config, { database, newDatabase, settings = {} }: TestServerOptions) {
  const connection = openConnection(config, config.mongodbUri as string);
  // Tests with settings of MongoDB may measure the connections, of which taking a database opens one.
  const isSpecial = newDatabase || Object.keys(settings).some((name) => name.startsWith('MONGODB_'));
  if (database !== undefined || isSpecial) {
    return { config, connection, isPooled: false, isPrepared: false };
  }
  const { client } = connection;
  const free = await takeDatabase(client);
  const mongodbDatabase = free ?? config.mongodbDatabase;
  return {
    config: { ...config, mongodbDatabase },
    connection: { client, db: client.db(mongodbDatabase) },
    isPooled: true,
    isPrepared: free !== undefined,
  };
}
