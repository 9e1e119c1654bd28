import { optional, setting, type ValuesOf } from '../config/setting-row.js';
import { asHost, asInteger } from '../config/setting-types.js';

/** The rows of the metrics port's settings. */
export const metricsSettings = {
  rows: {
    metricsPort: setting(
      'METRICS_PORT',
      asInteger(0, 65535),
      '9090',
      'TCP port that serves only `/metrics`, for Prometheus; 0 picks a free port. If the port is in use, the server logs a warning and starts without metrics.',
    ),
    metricsHost: optional(
      'METRICS_HOST',
      asHost,
      'Address to listen on for metrics; default: the value of `HOST`. The port needs no password.',
    ),
  },
};

/** The settings of the metrics port. */
export type MetricsSettings = ValuesOf<typeof metricsSettings.rows>;
