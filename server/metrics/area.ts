import type { Area } from '../core/area.js';
import { processMetrics } from './metrics.js';
import type { ProcessMetricsServices } from './services.js';
import { metricsSettings } from './settings.js';

/** The metrics of the process, and the settings of the port that Prometheus reads. */
export const metricsArea: Area<ProcessMetricsServices> = {
  name: 'metrics',
  settings: metricsSettings,
  metrics: processMetrics,
};
