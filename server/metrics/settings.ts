import { isLoopback } from '../config/loopback.js';
import { optional, setting, type ValuesOf } from '../config/setting-row.js';
import { asHost, asInteger } from '../config/setting-types.js';
import type { HttpSettings } from '../http/settings.js';

const rows = {
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
};

/** The settings of the metrics port. */
export type MetricsSettings = ValuesOf<typeof rows>;

/** The rows and warnings of these settings. */
export const metricsSettings = { rows, listWarnings };

function listWarnings({ metricsHost, host }: MetricsSettings & Pick<HttpSettings, 'host'>): string[] {
  const address = metricsHost ?? host;
  if (isLoopback(address)) return [];
  return [
    `anyone who can reach the metrics port on ${address} can read the metrics without a password: set METRICS_HOST=127.0.0.1, or let only Prometheus reach the port`,
  ];
}
