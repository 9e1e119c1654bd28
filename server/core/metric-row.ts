/** The kinds of metrics, as Prometheus names them. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** One metric: its name, what it measures, and the values that its labels can have. */
export interface MetricRow<K extends MetricKind = MetricKind, L extends string = string> {
  kind: K;
  name: string;
  help: string;
  /** Each label, and the bounded set that its values are of. */
  labels: Readonly<Record<L, string>>;
  /** Upper bounds of a histogram. */
  buckets?: number[];
  /** How the gauges of several workers are combined; `sum` when not given. */
  aggregator?: 'max' | 'min' | 'first';
  /** Label sets that exist from the start with the value 0, so that the first event shows as a rise. */
  initial?: readonly Record<L, string>[];
}

/** The metrics of an area, by the names that its code uses. */
export type MetricRows = Readonly<Record<string, MetricRow>>;

/** A count that only rises. */
export function counter<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  initial: readonly Record<L, string>[] = [],
): MetricRow<'counter', L> {
  return { kind: 'counter', name, help, labels, initial };
}

/** A value that rises and falls. */
export function gauge<L extends string = never>(
  name: string,
  help: string,
  labels = {} as Record<L, string>,
  aggregator?: MetricRow['aggregator'],
): MetricRow<'gauge', L> {
  return { kind: 'gauge', name, help, labels, ...(aggregator && { aggregator }) };
}

/** A distribution; `buckets` are upper bounds. */
export function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: number[],
  labels = {} as Record<L, string>,
): MetricRow<'histogram', L> {
  return { kind: 'histogram', name, help, labels, buckets };
}
