import type { MetricsOf } from '../core/metric-registry.js';
import type { PeriodicCollections } from './collections.js';
import type { periodicMetrics } from './metrics.js';

/** What periodic duties add to the dependencies of functions. */
export interface PeriodicServices {
  collections: PeriodicCollections;
  metrics: MetricsOf<typeof periodicMetrics>;
}
