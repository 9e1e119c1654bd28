import type { Collection } from 'mongodb';
import type { Logger } from 'pino';
import { bulkUpsert } from '../db/bulk-upsert.js';
import type { QueueWaitTimes } from './collections.js';

/** Maximum number of samples of a queue: the newest. */
export const maxSamples = 1000;

/** Maximum number of queues whose samples wait to be written; samples of further queues are dropped. */
const maxQueuesPending = 10_000;

/** Minimum number of milliseconds between two writes. */
const flushMs = 1000;

/**
 * Records how long jobs waited. A claim only adds to a list in memory. The lists are written together, at most a second
 * later, and each record keeps its newest samples. Samples that cannot be written are dropped: no claim may fail or wait
 * for a sample.
 */
export class WaitTimes {
  #pending = new Map<string, number[]>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    private readonly collection: Collection<QueueWaitTimes>,
    private readonly log: Logger,
  ) {}

  /** Records a job that waited for `seconds`. */
  add(queue: string, seconds: number): void {
    const samples = this.#pending.get(queue);
    if (samples) {
      samples.push(seconds);
      if (samples.length > maxSamples) samples.shift();
    } else if (this.#pending.size < maxQueuesPending) {
      this.#pending.set(queue, [seconds]);
    }
    this.#schedule();
  }

  /** Writes the recorded samples; never throws. */
  async flush(): Promise<void> {
    // One write at a time, so that a slow database gets no queue of them.
    await this.#writing;
    await (this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#pending.size > 0) this.#schedule();
    }));
  }

  /** Writes the rest before the process ends. */
  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#writing) return;
    this.#timer ??= setTimeout(() => void this.flush(), flushMs).unref();
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const recorded = this.#pending;
    this.#pending = new Map();
    const operations = [...recorded].map(([name, samples]) => ({
      updateOne: {
        filter: { name },
        update: {
          $push: { wait_times: { $each: samples, $slice: -maxSamples } },
          $setOnInsert: { live: true as const },
        },
        upsert: true,
      },
    }));
    try {
      await bulkUpsert(this.collection, operations);
    } catch (error) {
      this.log.warn({ err: error }, 'could not write wait times');
    }
  }
}
