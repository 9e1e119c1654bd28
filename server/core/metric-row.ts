/** The kinds of metrics, as Prometheus names them. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** One metric: its name, what it measures, and the possible values of its labels. */
export interface MetricRow<K extends MetricKind = MetricKind, L extends string = string> {
  kind: K;
  name: string;
  help: string;
  /** Each label, with a description of its bounded set of values. */
  labels: Readonly<Record<L, string>>;
  /** Upper bounds of a histogram's buckets. */
  buckets?: number[];
  /** How the gauges of several workers are combined; `sum` by default. */
  aggregator?: 'max' | 'min' | 'first';
  /** Label sets that exist from the start with the value 0, so that a query sees the first event as an increase. */
  initial?: readonly Record<L, string>[];
}

/** The metrics of an area, keyed by the names that its code uses. */
export type MetricRows = Readonly<Record<string, MetricRow>>;

/** Declares a counter. */
export function counter<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  initial: readonly Record<L, string>[] = [],
): MetricRow<'counter', L> {
  return { kind: 'counter', name, help, labels, initial };
}

/** Declares a gauge. */
export function gauge<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  aggregator?: MetricRow['aggregator'],
): MetricRow<'gauge', L> {
  return { kind: 'gauge', name, help, labels, ...(aggregator && { aggregator }) };
}

/** Declares a histogram; `buckets` are upper bounds. */
export function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: number[],
  labels = {} as Record<L, string>,
): MetricRow<'histogram', L> {
  return { kind: 'histogram', name, help, labels, buckets };
}
