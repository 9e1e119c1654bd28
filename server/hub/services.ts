import type { MetricsOf } from '../core/metric-registry.js';
import type { hubMetrics } from './metrics.js';

/** The services that the hub area adds to the dependencies of functions. */
export interface HubServices {
  metrics: MetricsOf<typeof hubMetrics>;
}
