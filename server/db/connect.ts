import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import type { Config } from '../config.js';

/** Milliseconds after which a request stops waiting for a primary and is answered 503. */
export const serverSelectionTimeoutMs = 5000;
/** The connection string that the settings name, or `undefined` when the embedded MongoDB is to be used. */
export function findMongodbUri(config: Config): string | undefined {
  if (config.mongodbUri !== undefined) return config.mongodbUri;
  if (config.mongodbHost === undefined) return undefined;
  const { mongodbUsername: user, mongodbPassword: password } = config;
  const credentials =
    user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}@`;
  const source = user === undefined ? '' : `?authSource=${encodeURIComponent(config.mongodbAuthSource)}`;
  return `mongodb://${credentials}${config.mongodbHost}:${config.mongodbPort}/${source}`;
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
    maxPoolSize: config.mongodbMaxPoolSize,
    serverSelectionTimeoutMS: serverSelectionTimeoutMs,
    connectTimeoutMS: serverSelectionTimeoutMs,
    waitQueueTimeoutMS: serverSelectionTimeoutMs,
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
    ignoreUndefined: true,
  };
  const client = new MongoClient(uri, options);
  const named = client.options.dbName;
  return { client, db: client.db(named && named !== 'test' ? named : config.mongodbDatabase) };
}
