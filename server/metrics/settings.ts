import { optional, setting, type ValuesOf } from '../config/setting-row.js';
import { asHost, asInteger } from '../config/setting-types.js';

/** Settings of the metrics' own port. */
export const metricsSettings = {
  rows: {
    metricsPort: setting(
      'METRICS_PORT',
      asInteger(0, 65535),
      '9090',
      'TCP port of `/metrics` for Prometheus, and of nothing else; 0 takes a free one. A port that is in use is a warning.',
    ),
    metricsHost: optional(
      'METRICS_HOST',
      asHost,
      'Address to listen on for metrics; as `HOST` when not given. It asks for no password.',
    ),
  },
};

/** The settings of the metrics' own port. */
export type MetricsSettings = ValuesOf<typeof metricsSettings.rows>;
