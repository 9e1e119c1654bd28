import type { MetricsOf } from '../core/metric-registry.js';
import type { Batching } from './batching.js';
import type { databaseMetrics } from './metrics.js';
import type { DatabaseSettings } from './settings.js';

/** What the connection to MongoDB adds to the dependencies of functions. */
export interface DatabaseServices {
  config: DatabaseSettings;
  metrics: MetricsOf<typeof databaseMetrics>;
  batching: Batching;
}
