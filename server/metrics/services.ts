import type { MetricsOf } from '../core/metric-registry.js';
import type { processMetrics } from './metrics.js';
import type { MetricsSettings } from './settings.js';

/** What the metrics of the process add to the dependencies of functions. */
export interface ProcessMetricsServices {
  config: MetricsSettings;
  metrics: MetricsOf<typeof processMetrics>;
}
