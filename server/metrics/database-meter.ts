import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from '../core/core.js';
import type { ProcessMetricsServices } from './services.js';

/** Minimum milliseconds between two counts, even if metrics are read more often. */
const minIntervalMs = 10_000;

/** Maximum milliseconds that a count takes, and that a scrape waits for it. */
const countTimeoutMs = 2000;

/** Counts something in the database and sets a metric, within `timeoutMS` milliseconds. */
export type Measure<D> = (deps: D, timeoutMS: number) => Promise<void>;

/** Counts waiting jobs and leases in the database when metrics are read; if a count fails or takes too long, the metrics keep their values. */
export class DatabaseMeter<D extends Core & ProcessMetricsServices> {
  #startedAt = -Infinity;
  #running: Promise<void> | undefined;
  #failed = false;

  constructor(
    private readonly deps: D,
    private readonly measures: readonly Measure<D>[],
  ) {}

  /** Counts if the last count is old enough. Resolves within two seconds and never rejects. */
  async measure(): Promise<void> {
    if (this.#running === undefined && performance.now() - this.#startedAt >= minIntervalMs) {
      this.#startedAt = performance.now();
      this.#running = this.#count().finally(() => {
        this.#running = undefined;
      });
    }
    const waiting = new AbortController();
    const timedOut = wait(countTimeoutMs, undefined, { signal: waiting.signal, ref: false }).catch(
      () => undefined,
    );
    await Promise.race([this.#running, timedOut]);
    waiting.abort();
  }

  async #count(): Promise<void> {
    const { log, metrics } = this.deps;
    try {
      const startedAt = Date.now();
      await Promise.all(this.measures.map((measure) => measure(this.deps, countTimeoutMs)));
      metrics.queuesMeasured.set(startedAt / 1000);
      this.#failed = false;
    } catch (error) {
      // Log once for each outage.
      if (!this.#failed) log.warn({ err: error }, 'could not count waiting jobs and leases for the metrics');
      this.#failed = true;
    }
  }
}
