import { metricRows } from '../../server/areas.js';
import type { MetricRow } from '../../server/core/metric-row.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all metrics. */
export function presentMetricsPage(): string {
  const rows = Object.values(metricRows);
  return `${presentOrigin('the metrics.ts of each area')}
# Metrics

Read the metrics with \`GET /metrics\` on \`METRICS_PORT\`, in the text format of Prometheus. [Monitor](../how-to/monitor.md)
explains what to do with them. No label contains the id of a client, a job or an agent: each label has only the values listed
here. A histogram has the series \`_bucket\`, \`_sum\` and \`_count\`.

${presentTable(['name', 'kind', 'labels', 'meaning'], rows.map(presentRow))}
`;
}

function presentRow({ name, kind, labels, help }: MetricRow): string[] {
  const cells = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
  return [`\`${name}\``, kind, cells.join('; '), help];
}
