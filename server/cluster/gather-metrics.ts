import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { MetricValues, Order, Word } from './messages.js';

/** Milliseconds that a worker may take; of one that is too busy the metrics are left out. */
const withinMs = 4000;

let lastId = 0;

/**
 * The metrics of all workers as one text: counters and histograms are summed, gauges put together as their rows say. What
 * a worker that died had counted is gone, which Prometheus takes for a reset.
 */
export async function gatherMetrics(workers: readonly Worker[]): Promise<string> {
  const told = await Promise.all(workers.map(askWorker));
  const values = told.filter((one) => one !== undefined);
  return AggregatorRegistry.aggregate(values as object[]).metrics();
}

function askWorker(worker: Worker): Promise<MetricValues | undefined> {
  lastId += 1;
  const id = lastId;
  return new Promise((resolve) => {
    const end = (values?: MetricValues) => {
      clearTimeout(timer);
      worker.off('message', read);
      resolve(values);
    };
    const read = (word: Word) => {
      if (word.word === 'metrics' && word.id === id) end(word.values);
    };
    const timer = setTimeout(end, withinMs);
    worker.on('message', read);
    worker.send({ order: 'metrics', id } satisfies Order, (error) => {
      if (error) end();
    });
  });
}
