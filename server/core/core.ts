import type { Db, MongoClient } from 'mongodb';
import type { Logger } from 'pino';
import type { ValuesOf } from '../config/setting-row.js';
import type { Audit } from './audit.js';
import type { Clock } from './clock.js';
import type { coreSettings } from './core-settings.js';
import type { CoreMetrics } from './metric-registry.js';
import type { TrustedProxies } from '../config/setting-types.js';

/** A connection pool and the database in it. */
export interface Connection {
  client: MongoClient;
  db: Db;
}

/** The settings that every room may read. */
export interface CoreSettings extends Omit<ValuesOf<typeof coreSettings.rows>, 'trustProxy'> {
  /** Proxies in front whose forwarded addresses are believed. */
  trustProxy: TrustedProxies;
}

/** What every function may ask for; what else it uses stands in its signature. */
export interface Core {
  config: CoreSettings;
  connection: Connection;
  clock: Clock;
  log: Logger;
  metrics: CoreMetrics;
  audit: Audit;
}

/**
 * What a function takes as its dependencies: for one that passes its own on, `DepsOf<typeof callee>` names what the
 * callee needs.
 */
// The type of a parameter is found whatever the others are.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type DepsOf<F> = F extends (deps: infer D, ...others: any[]) => unknown ? D : never;
