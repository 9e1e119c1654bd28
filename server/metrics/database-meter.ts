import { setTimeout as wait } from 'node:timers/promises';
import type { Deps } from '../deps.js';
import { measureLeases } from '../leases/measure-leases.js';
import { measureQueues } from '../claims/measure-queues.js';

/** Milliseconds between two counts, however often metrics are asked for. */
const restMs = 10_000;

/** Milliseconds that a count may take, and that a scrape waits for it. */
const withinMs = 2000;

/** Counts what is in the database when metrics are asked for; when that fails or takes long the values before stay. */
export class DatabaseMeter {
  #begun = -Infinity;
  #running: Promise<void> | undefined;
  #failed = false;

  constructor(private readonly deps: Deps) {}

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
      await Promise.all([measureQueues(this.deps, withinMs), measureLeases(this.deps, withinMs)]);
      metrics.queuesMeasured.set(begun / 1000);
      this.#failed = false;
    } catch (error) {
      // Once for each outage.
      if (!this.#failed) log.warn({ err: error }, 'waiting jobs and leases were not counted for the metrics');
      this.#failed = true;
    }
  }
}
