import type { Collection } from 'mongodb';
import type { Logger } from 'pino';
import { bulkUpsert } from '../db/bulk-upsert.js';
import type { QueueWaitTimes } from './collections.js';

/** Samples of a queue that are kept and that count: the newest. */
export const samplesKept = 1000;

/** Queues whose samples wait to be written, at most; those of others are dropped. */
const queuesHeld = 10_000;

/** Milliseconds between two writes, at least. */
const flushMs = 1000;

/**
 * Notes how long jobs waited. A claim only adds to a list in memory; the lists are written together, a second later at
 * most, each record bounded to its newest samples. What cannot be written is dropped: it is a sample, and no claim may
 * fail or wait for it.
 */
export class WaitTimes {
  #pending = new Map<string, number[]>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    private readonly collection: Collection<QueueWaitTimes>,
    private readonly log: Logger,
  ) {}

  /** Notes a job that waited for `seconds`. */
  add(queue: string, seconds: number): void {
    const samples = this.#pending.get(queue);
    if (samples) {
      samples.push(seconds);
      if (samples.length > samplesKept) samples.shift();
    } else if (this.#pending.size < queuesHeld) {
      this.#pending.set(queue, [seconds]);
    }
    this.#schedule();
  }

  /** Writes what was noted; never throws. */
  async flush(): Promise<void> {
    // At most one write is under way: a slow database gets no queue of them.
    await this.#writing;
    await (this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#pending.size > 0) this.#schedule();
    }));
  }

  /** Writes the rest, for an orderly end. */
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
    const noted = this.#pending;
    this.#pending = new Map();
    const operations = [...noted].map(([name, samples]) => ({
      updateOne: {
        filter: { name },
        update: {
          $push: { wait_times: { $each: samples, $slice: -samplesKept } },
          $setOnInsert: { live: true as const },
        },
        upsert: true,
      },
    }));
    try {
      await bulkUpsert(this.collection, operations);
    } catch (error) {
      this.log.warn({ err: error }, 'wait times were not written');
    }
  }
}
