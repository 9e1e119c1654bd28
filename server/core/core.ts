import type { Db, MongoClient } from 'mongodb';
import type { Logger } from 'pino';
import type { ValuesOf } from '../config/setting-row.js';
import type { TrustedProxies } from '../config/setting-types.js';
import type { Audit } from './audit.js';
import type { Clock } from './clock.js';
import type { coreSettings } from './core-settings.js';
import type { CoreMetrics } from './metric-registry.js';

/** A MongoDB client with its connection pool, and the database that the server uses. */
export interface Connection {
  client: MongoClient;
  db: Db;
}

/** The settings that every room may read. */
export interface CoreSettings extends Omit<ValuesOf<typeof coreSettings.rows>, 'trustProxy'> {
  /** The proxies whose forwarded addresses are trusted. */
  trustProxy: TrustedProxies;
}

/** The dependencies that every function may use; a function's signature names all others. */
export interface Core {
  config: CoreSettings;
  connection: Connection;
  clock: Clock;
  log: Logger;
  metrics: CoreMetrics;
  audit: Audit;
}

/**
 * The type of a function's dependencies. A caller that passes its dependencies on declares what the callee needs as
 * `DepsOf<typeof callee>`.
 */
// `any` lets this match functions whatever their other parameters are.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DepsOf<F> = F extends (deps: infer D, ...others: any[]) => unknown ? D : never;
