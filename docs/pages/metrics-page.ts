import { type MetricRow, metricRows } from '../../server/metrics/metric-rows.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of all metrics. */
export function presentMetricsPage(): string {
  const rows = Object.values(metricRows as Record<string, MetricRow>);
  return `${presentOrigin('server/metrics/metric-rows.ts')}
# Metrics

\`GET /metrics\` on \`METRICS_PORT\`, in the text format of Prometheus. What to do with them: [monitor](../how-to/monitor.md).
No label holds an id of a client, a job or an agent; each has the bounded set of values that is told here. Histograms come
as \`_bucket\`, \`_sum\` and \`_count\`.

${presentTable(['name', 'kind', 'labels', 'tells'], rows.map(presentRow))}
`;
}

function presentRow({ name, kind, labels, help }: MetricRow): string[] {
  const told = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
  return [`\`${name}\``, kind, told.join('; '), help];
}
