import type { Worker } from 'node:cluster';
import type { CoreMetrics } from '../core/metric-registry.js';

/** What the first process wants of a worker; what has an `id` is answered with it. */
export type Order = { order: 'stop' } | { order: 'metrics' | 'ping'; id: number };

/** What a worker tells the first process. */
export type Word =
  | { word: 'listens'; url: string }
  | { word: 'failed'; problem: string }
  | { word: 'answer'; id: number; values: MetricValues };

/** The metrics of a process, as they travel. */
export type MetricValues = Awaited<ReturnType<CoreMetrics['registry']['getMetricsAsJSON']>>;

let lastId = 0;

/** Asks a worker; `undefined` when it does not answer within `milliseconds`. */
export function askWorker(
  worker: Worker,
  order: 'metrics' | 'ping',
  milliseconds: number,
): Promise<MetricValues | undefined> {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    const end = (values?: MetricValues) => {
      clearTimeout(timer);
      worker.off('message', read);
      resolve(values);
    };
    const read = (word: Word) => {
      if (word.word === 'answer' && word.id === id) end(word.values);
    };
    const timer = setTimeout(end, milliseconds);
    worker.on('message', read);
    worker.send({ order, id } satisfies Order, (error) => {
      if (error) end();
    });
  });
}
