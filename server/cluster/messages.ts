import type { Metrics } from '../metrics/create-metrics.js';

/** What the first process asks of a worker. */
export type Order = { order: 'stop' } | { order: 'metrics'; id: number };

/** What a worker tells the first process. */
export type Word =
  | { word: 'listens'; url: string }
  | { word: 'metrics'; id: number; values: MetricValues }
  | { word: 'failed'; problem: string };

/** The metrics of a process, as they travel. */
export type MetricValues = Awaited<ReturnType<Metrics['registry']['getMetricsAsJSON']>>;
