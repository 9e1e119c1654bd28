import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { MetricRow, MetricRows } from './metric-row.js';

type Made<R> =
  R extends MetricRow<'counter', infer L>
    ? Counter<L>
    : R extends MetricRow<'gauge', infer L>
      ? Gauge<L>
      : R extends MetricRow<'histogram', infer L>
        ? Histogram<L>
        : never;

/** The metrics of some rows, keyed by the same names. */
export type MetricsOf<Rows> = { readonly [K in keyof Rows]: Made<Rows[K]> };

/** The parts of the process's metrics that every area may use. */
export interface CoreMetrics {
  readonly registry: Registry;
  /**
   * Functions that run right before each scrape, to set values that are cheaper to read then than to keep up to date.
   */
  readonly beforeScrape: (() => void)[];
}

/** Makes the metrics of some rows and registers them. */
export function createMetrics<Rows extends MetricRows>(registry: Registry, rows: Rows): MetricsOf<Rows> {
  const made = Object.entries(rows as Record<string, MetricRow>).map(([key, row]) => [
    key,
    createMetric(row, registry),
  ]);
  return Object.fromEntries(made) as MetricsOf<Rows>;
}

function createMetric(row: MetricRow, registry: Registry): Counter | Gauge | Histogram {
  const { kind, name, help, labels, buckets = [], initial = [], aggregator } = row;
  const given = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (kind === 'gauge') return new Gauge({ ...given, ...(aggregator && { aggregator }) });
  if (kind === 'histogram') return new Histogram({ ...given, buckets });
  const counter = new Counter(given);
  for (const set of initial) counter.inc(set, 0);
  return counter;
}
