import { MongoClient, type MongoClientOptions } from 'mongodb';
import type { Connection } from '../core/core.js';
import type { DatabaseSettings } from './settings.js';

/** Milliseconds after which a request stops waiting for a primary and is answered 503. */
const serverSelectionTimeoutMs = 5000;

/**
 * Opens the pool; writes are acknowledged by a majority and journaled, so that what a client was told
 * survives the loss of any process. Nothing is sent before the first operation.
 * @throws Error when the URI cannot be read.
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
