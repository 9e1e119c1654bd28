import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Db } from 'mongodb';
import { type Collections, type Config, openCollections, readConfig } from '../areas.js';
import { openConnection } from '../db/connect.js';
import { findMongodbUri } from '../db/mongodb-uri.js';
import { DataInUseError } from '../errors/start-error.js';
import { startEmbeddedMongod } from '../mongod/embedded-mongod.js';
import { embeddedMongodUri, embeddedSocketPath } from '../mongod/mongod-socket.js';
import { isListening } from '../mongod/replica-set.js';
import { type DataDir, locateDataDir } from '../process/data-dir.js';
import { CliError } from './cli-error.js';

/** A direct connection to a server's database, for commands that work without the server. */
export interface AdminDatabase {
  /** The data directory of the embedded MongoDB; `undefined` if the settings name a MongoDB. */
  dataDir: DataDir | undefined;
  bcryptCost: number;
  auditDays: number;
  /** Runs a task on the database. @throws CliError if MongoDB is not reachable or returns an error */
  run<T>(task: (collections: Collections, db: Db) => Promise<T>): Promise<T>;
  /** Closes the connection, and stops the embedded mongod if this command started it. */
  close(): Promise<void>;
}

interface Target {
  uri: string;
  dataDir?: DataDir;
  stop?: () => Promise<void>;
}

/**
 * Connects to the MongoDB that the settings name, or else to the embedded MongoDB of the data directory. If the embedded
 * MongoDB is not running, it is started until `close` is called.
 * @throws ConfigError, StartError or CliError, each with a message for the operator
 */
export async function openAdminDatabase(
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
): Promise<AdminDatabase> {
  const config = readConfig(pickSettings(environment));
  const uri = findMongodbUri(config);
  const target = uri === undefined ? await openEmbedded(config, environment, report) : { uri };
  const { client, db } = openConnection(config, target.uri);
  return {
    dataDir: target.dataDir,
    bcryptCost: config.bcryptCost,
    auditDays: config.auditDays,
    run: (task) => task(openCollections(db), db).catch(explainFailure),
    async close() {
      await client.close();
      await target.stop?.();
    },
  };
}

/**
 * Returns only the settings that these commands need, so that other settings may be wrong or unreadable here. The
 * signing key, which is a required setting, is a placeholder, because these commands sign nothing.
 */
function pickSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const needed = /^(MONGODB_.*|QUEUEPASS_DATA_DIR|BCRYPT_COST|AUDIT_DAYS)$/;
  const picked = Object.entries(environment).filter(([name]) => needed.test(name));
  return { ...Object.fromEntries(picked), JWT_SIGNING_KEY: 'a placeholder for a key that is not used' };
}

async function openEmbedded(
  config: Config,
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
): Promise<Target> {
  const dataDir = locateDataDir(config.dataDir);
  checkDataOwner(dataDir);
  const uri = embeddedMongodUri(dataDir.path);
  if (await isListening(embeddedSocketPath(dataDir.path))) return { uri, dataDir };
  const onFailed = (error: Error) => report(`queuepass: ${error.message}`);
  try {
    const mongod = await startEmbeddedMongod({ dataDir: dataDir.path, environment, report, onFailed });
    return { uri, dataDir, stop: () => mongod.stop() };
  } catch (error) {
    // A server started in the meantime, and its mongod can be used.
    if (error instanceof DataInUseError && (await isListening(embeddedSocketPath(dataDir.path)))) {
      return { uri, dataDir };
    }
    throw error;
  }
}

/**
 * Checks that the data directory has a database that belongs to this user. A mongod of another user would leave files that
 * the server's user cannot open.
 * @throws CliError
 */
function checkDataOwner({ path }: DataDir): void {
  const found = statSync(join(path, 'db'), { throwIfNoEntry: false });
  if (found === undefined) {
    throw new CliError(
      `there is no database in ${path}: start the server there first, or set QUEUEPASS_DATA_DIR to its data directory or MONGODB_URI to its MongoDB`,
    );
  }
  if (process.getuid && found.uid !== process.getuid()) {
    throw new CliError(
      `the database in ${path} belongs to the user ${found.uid}: run this command as that user`,
    );
  }
}

function explainFailure(error: Error & { code?: unknown }): never {
  if (error.name === 'MongoServerSelectionError') {
    throw new CliError(`MongoDB is not reachable (${error.message}): is it running? See MONGODB_URI`);
  }
  if (error.code === 18) {
    throw new CliError(
      'MongoDB refuses the user name or password: see MONGODB_URI, or MONGODB_USERNAME and MONGODB_PASSWORD',
    );
  }
  throw new CliError(`MongoDB returned an error: ${error.message}`);
}
