import type { Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import { askWorker, type MetricValues } from './worker-messages.js';

/** Milliseconds that a worker may take; of one that is too busy, what it told last counts. */
const responseTimeoutMs = 4000;

/**
 * The metrics of all workers as one: counters and histograms are summed, those of workers that have ended too, so that no
 * sum falls; gauges are put together as their rows say.
 */
export class WorkerMetrics {
  readonly #last = new Map<number, MetricValues>();
  #ended: MetricValues[] = [];

  /** @throws Error when no worker answers */
  async read(workers: readonly Worker[]): Promise<string> {
    const answers = await Promise.all(
      workers.map((worker) => askWorker(worker, 'metrics', responseTimeoutMs)),
    );
    if (answers.every((values) => values === undefined)) throw new Error('no worker tells its metrics');
    for (const [i, { id }] of workers.entries()) {
      const values = answers[i];
      if (values !== undefined) this.#last.set(id, values);
    }
    // One that ended meanwhile is among the ended.
    const present = workers.filter((worker) => !worker.isDead()).map(({ id }) => this.#last.get(id));
    if (this.#ended.length > 1) this.#ended = [await aggregate(this.#ended).getMetricsAsJSON()];
    return aggregate([...present.filter((values) => values !== undefined), ...this.#ended]).metrics();
  }

  /** The worker has ended: what it had counted stays. */
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
