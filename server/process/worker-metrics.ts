import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { askWorker, type MetricValues } from './worker-messages.js';

/** Milliseconds to wait for a worker's metrics; if a worker takes longer, its last metrics are used. */
const responseTimeoutMs = 4000;

/**
 * Combines the metrics of all workers. Counters and histograms are summed, including those of workers that have ended, so
 * that no sum decreases. Gauges are combined as their rows define.
 */
export class WorkerMetrics {
  readonly #last = new Map<number, MetricValues>();
  #ended: MetricValues[] = [];

  /** Reads the metrics of all workers as text. @throws Error if no worker answers */
  async read(workers: readonly Worker[]): Promise<string> {
    const answers = await Promise.all(
      workers.map((worker) => askWorker(worker, 'metrics', responseTimeoutMs)),
    );
    if (answers.every((values) => values === undefined)) throw new Error('no worker reported its metrics');
    for (const [i, { id }] of workers.entries()) {
      const values = answers[i];
      if (values !== undefined) this.#last.set(id, values);
    }
    // A worker that ended meanwhile is in `#ended` already.
    const present = workers.filter((worker) => !worker.isDead()).map(({ id }) => this.#last.get(id));
    if (this.#ended.length > 1) this.#ended = [await aggregate(this.#ended).getMetricsAsJSON()];
    return aggregate([...present.filter((values) => values !== undefined), ...this.#ended]).metrics();
  }

  /** Keeps the counters and histograms of a worker that has ended. */
  keepCounts({ id }: Worker): void {
    const values = this.#last.get(id) as readonly { type: unknown }[] | undefined;
    this.#last.delete(id);
    const counted = values?.filter(({ type }) => type === 'counter' || type === 'histogram');
    if (counted) this.#ended.push(counted as unknown as MetricValues);
  }
}

function aggregate(values: readonly MetricValues[]) {
  return AggregatorRegistry.aggregate(values as unknown as object[]);
}
