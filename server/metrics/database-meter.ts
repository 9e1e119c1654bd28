import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from '../core/core.js';
import type { ProcessMetricsServices } from './services.js';

/** Milliseconds between two counts, however often metrics are read. */
const restMs = 10_000;

/** Milliseconds that a count may take, and that a scrape waits for it. */
const withinMs = 2000;

/** Counts something in the database; `timeoutMS` is the time that it may take. */
export type Measure<D> = (deps: D, timeoutMS: number) => Promise<void>;

/** Counts what is in the database when metrics are read; a count that fails or takes long leaves the earlier values. */
export class DatabaseMeter<D extends Core & ProcessMetricsServices> {
  #begun = -Infinity;
  #running: Promise<void> | undefined;
  #failed = false;

  constructor(
    private readonly deps: D,
    private readonly measures: readonly Measure<D>[],
  ) {}

  /** Resolves after two seconds at the most, and never fails. */
  async measure(): Promise<void> {
    if (this.#running === undefined && performance.now() - this.#begun >= restMs) {
      this.#begun = performance.now();
      this.#running = this.#count().finally(() => {
        this.#running = undefined;
      });
    }
    const waiting = new AbortController();
    const tooLong = wait(withinMs, undefined, { signal: waiting.signal, ref: false }).catch(() => undefined);
    await Promise.race([this.#running, tooLong]);
    waiting.abort();
  }

  async #count(): Promise<void> {
    const { log, metrics } = this.deps;
    try {
      const begun = Date.now();
      await Promise.all(this.measures.map((measure) => measure(this.deps, withinMs)));
      metrics.queuesMeasured.set(begun / 1000);
      this.#failed = false;
    } catch (error) {
      // Once for each outage.
      if (!this.#failed) log.warn({ err: error }, 'waiting jobs and leases were not counted for the metrics');
      this.#failed = true;
    }
  }
}
