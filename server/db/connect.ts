import { MongoClient, type MongoClientOptions } from 'mongodb';
import type { Connection } from '../core/core.js';
import type { DatabaseSettings } from './settings.js';

/** Milliseconds for which a request waits for a primary before it is answered 503. */
const serverSelectionTimeoutMs = 5000;

/**
 * Opens the connection pool. A majority acknowledges and journals each write, so that acknowledged data survive the loss
 * of any process. Nothing is sent before the first operation.
 * @throws Error if the URI is invalid
 */
export function openConnection(
  config: Pick<DatabaseSettings, 'mongodbMaxPoolSize' | 'mongodbDatabase'>,
  uri: string,
): Connection {
  const options: MongoClientOptions = {
    appName: 'queuepass',
    serverSelectionTimeoutMS: serverSelectionTimeoutMs,
    connectTimeoutMS: serverSelectionTimeoutMs,
    waitQueueTimeoutMS: serverSelectionTimeoutMs,
    writeConcern: { w: 'majority', journal: true },
    readPreference: 'primary',
    ignoreUndefined: true,
    // An option here would override the connection string.
    ...(!/[?&]maxPoolSize=/i.test(uri) && { maxPoolSize: config.mongodbMaxPoolSize }),
  };
  const client = new MongoClient(uri, options);
  return { client, db: client.db(findDatabaseName(uri) ?? config.mongodbDatabase) };
}

/** Returns the database that a connection string names. The driver reports `test` both for that name and for none. */
function findDatabaseName(uri: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/?]+\/([^?]+)/.exec(uri)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}
