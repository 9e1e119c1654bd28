import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Db } from 'mongodb';
import { type Collections, type Config, openCollections, readConfig } from '../areas.js';
import { type DataDir, locateDataDir } from '../process/data-dir.js';
import { openConnection } from '../db/connect.js';
import { findMongodbUri } from '../db/mongodb-uri.js';
import { startEmbeddedMongod } from '../mongod/embedded-mongod.js';
import { embeddedMongodUri, embeddedSocketPath } from '../mongod/mongod-socket.js';
import { DataInUseError } from '../errors/start-error.js';
import { CliError } from './cli-error.js';

/** The database of a server, reached without the server. */
export interface AdminDatabase {
  /** The folder of the embedded MongoDB; absent with a MongoDB of one's own. */
  dataDir: DataDir | undefined;
  bcryptCost: number;
  /** @throws CliError when MongoDB is not reachable or refuses. */
  run<T>(task: (collections: Collections, db: Db) => Promise<T>): Promise<T>;
  /** Also ends the embedded mongod, if it was started for this. */
  close(): Promise<void>;
}

interface Target {
  uri: string;
  dataDir?: DataDir;
  stop?: () => Promise<void>;
}

/**
 * Opens the MongoDB that the settings name, or that of the data folder: through its socket when it runs, else started for
 * the time of the command.
 * @throws ConfigError, StartError, CliError, each for the operator.
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
    run: (task) => task(openCollections(db), db).catch(explainFailure),
    async close() {
      await client.close();
      await target.stop?.();
    },
  };
}

/**
 * Settings of the server that have nothing to do with its database may be wrong or unreadable here; the signing key,
 * which a server must have, is stood in for, since these commands sign nothing.
 */
function pickSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const needed = /^(MONGODB_.*|QUEUEPASS_DATA_DIR|BCRYPT_COST)$/;
  const picked = Object.entries(environment).filter(([name]) => needed.test(name));
  return { ...Object.fromEntries(picked), JWT_SIGNING_KEY: 'stands in for a key that is not used' };
}

async function openEmbedded(
  config: Config,
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
): Promise<Target> {
  const dataDir = locateDataDir(config.dataDir);
  checkOwnData(dataDir);
  const uri = embeddedMongodUri(dataDir.path);
  if (await listens(embeddedSocketPath(dataDir.path))) return { uri, dataDir };
  const onFailed = (error: Error) => report(`queuepass: ${error.message}`);
  try {
    const mongod = await startEmbeddedMongod({ dataDir: dataDir.path, environment, report, onFailed });
    return { uri, dataDir, stop: () => mongod.stop() };
  } catch (error) {
    // A server that started meanwhile has it.
    if (error instanceof DataInUseError && (await listens(embeddedSocketPath(dataDir.path)))) {
      return { uri, dataDir };
    }
    throw error;
  }
}

/** Started by another user, mongod would leave files that the server's user cannot open. */
function checkOwnData({ path }: DataDir): void {
  const found = statSync(join(path, 'db'), { throwIfNoEntry: false });
  if (found === undefined) {
    throw new CliError(
      `there is no database in ${path}: start the server there first, or name its folder in QUEUEPASS_DATA_DIR or its MongoDB in MONGODB_URI`,
    );
  }
  if (process.getuid && found.uid !== process.getuid()) {
    throw new CliError(`the database in ${path} belongs to the user ${found.uid}: run this as that user`);
  }
}

function listens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
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
  throw new CliError(`MongoDB refuses: ${error.message}`);
}
