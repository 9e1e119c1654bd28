import type { MetricsOf } from '../core/metric-registry.js';
import type { hubMetrics } from './metrics.js';

/** What waiting and waking add to the dependencies of functions. */
export interface HubServices {
  metrics: MetricsOf<typeof hubMetrics>;
}
