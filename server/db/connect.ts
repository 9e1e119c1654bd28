import { isIPv6 } from 'node:net';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Config } from '../config/config.js';

/** Milliseconds after which a request stops waiting for a primary and is answered 503. */
const serverSelectionTimeoutMs = 5000;

/** The connection string that the settings name, or `undefined` when the embedded MongoDB is to be used. */
export function findMongodbUri(config: Config): string | undefined {
  if (config.mongodbUri !== undefined) return config.mongodbUri;
  if (config.mongodbHost === undefined) return undefined;
  const { mongodbUsername: user, mongodbPassword: password } = config;
  const credentials =
    user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}@`;
  const source = user === undefined ? '' : `?authSource=${encodeURIComponent(config.mongodbAuthSource)}`;
  const host = isIPv6(config.mongodbHost) ? `[${config.mongodbHost}]` : config.mongodbHost;
  return `mongodb://${credentials}${host}:${config.mongodbPort}/${source}`;
}

/**
 * Why a connection string cannot be used, as the end of the sentence "MONGODB_URI ..."; `undefined` when it can.
 * Nothing is sent. The driver's own words are given only about options, since others repeat parts of the string.
 */
export function checkMongodbUri(uri: string): string | undefined {
  if (!/^mongodb(\+srv)?:\/\//.test(uri)) return 'must begin with mongodb:// or mongodb+srv://';
  try {
    new MongoClient(uri);
    return undefined;
  } catch (error) {
    const told = /^options? [\w, ]+ (is|are) not supported$/.exec((error as Error).message)?.[0];
    return told === undefined
      ? 'is no connection string that MongoDB reads (in user name and password, write @ : / % as %40 %3A %2F %25)'
      : `has a fault: ${told}`;
  }
}

/** A connection pool and the database in it. */
export interface Connection {
  client: MongoClient;
  db: Db;
}

/**
 * Opens the pool; writes are acknowledged by a majority and journaled, so that what a client was told
 * survives the loss of any process. Nothing is sent before the first operation.
 * @throws Error when the URI cannot be read.
 */
export function openConnection(config: Config, uri: string): Connection {
  const options: MongoClientOptions = {
    appName: 'queuepass',
    serverSelectionTimeoutMS: serverSelectionTimeoutMs,
    connectTimeoutMS: serverSelectionTimeoutMs,
    waitQueueTimeoutMS: serverSelectionTimeoutMs,
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
    ignoreUndefined: true,
    // What is given here would win over the string.
    ...(!/[?&]maxPoolSize=/i.test(uri) && { maxPoolSize: config.mongodbMaxPoolSize }),
  };
  const client = new MongoClient(uri, options);
  return { client, db: client.db(findDatabaseName(uri) ?? config.mongodbDatabase) };
}

/** The database that a connection string names; the driver does not tell a named `test` from none. */
function findDatabaseName(uri: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(uri)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}
