import type { MetricsOf } from '../core/metric-registry.js';
import type { httpMetrics } from './metrics.js';
import type { HttpSettings } from './settings.js';

/** What the HTTP server adds to the dependencies of functions. */
export interface HttpServices {
  config: HttpSettings;
  metrics: MetricsOf<typeof httpMetrics>;
}
