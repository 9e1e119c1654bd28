import type { MetricsOf } from '../core/metric-registry.js';
import type { processMetrics } from './metrics.js';
import type { MetricsSettings } from './settings.js';

/** The dependencies that the metrics of the process add. */
export interface ProcessMetricsServices {
  config: MetricsSettings;
  metrics: MetricsOf<typeof processMetrics>;
}
