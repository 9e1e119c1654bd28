import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BoundedLabel } from './bounded-label.js';
import { type MetricRow, metricRows } from '../metrics/metric-rows.js';

type Made<R> =
  R extends MetricRow<'counter', infer L>
    ? Counter<L>
    : R extends MetricRow<'gauge', infer L>
      ? Gauge<L>
      : R extends MetricRow<'histogram', infer L>
        ? Histogram<L>
        : never;

/** The metrics of one process, by their names in the table. */
export type Metrics = { readonly [K in keyof typeof metricRows]: Made<(typeof metricRows)[K]> } & {
  readonly registry: Registry;
  /** Brings values up to date that are cheaper to keep elsewhere, right before they are told. */
  readonly beforeScrape: (() => void)[];
  /** Which queues have a series of claims of their own. */
  readonly claimQueues: BoundedLabel;
};

/** Queues that have series of their own at most. */
export const mostQueues = 200;

/** Makes all metrics of the table in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const made = Object.entries(metricRows as Record<string, MetricRow>).map(([key, row]) => [
    key,
    createMetric(row, registry),
  ]);
  return {
    ...(Object.fromEntries(made) as Omit<Metrics, 'registry' | 'beforeScrape' | 'claimQueues'>),
    registry,
    beforeScrape: [],
    claimQueues: new BoundedLabel(mostQueues),
  };
}

function createMetric(row: MetricRow, registry: Registry): Counter | Gauge | Histogram {
  const { kind, name, help, labels, buckets = [], initial = [], together } = row;
  const given = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (kind === 'gauge') return new Gauge({ ...given, ...(together && { aggregator: together }) });
  if (kind === 'histogram') return new Histogram({ ...given, buckets });
  const counter = new Counter(given);
  for (const set of initial) counter.inc(set, 0);
  return counter;
}
