import type { MetricsOf } from '../core/metric-registry.js';
import type { BodyTimes } from './body-time.js';
import type { httpMetrics } from './metrics.js';
import type { HttpSettings } from './settings.js';

/** The dependencies that the HTTP server adds. */
export interface HttpServices {
  config: HttpSettings;
  bodyTimes: BodyTimes;
  metrics: MetricsOf<typeof httpMetrics>;
}
