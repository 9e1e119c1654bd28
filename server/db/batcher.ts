import { requestTimeLimitMs } from '../core/time-limits.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { wasNotSent } from './classify-error.js';

/** How a batcher runs its items, and its limits. */
export interface BatcherOptions<Item, Outcome> {
  /**
   * Runs items as one command and returns the outcome of each, in their order. An outcome that is an `Error` rejects the
   * promise of that item's caller. If `run` itself throws, every caller's promise is rejected. `run` must not await an
   * `add` to the same batcher: each would wait for the other.
   */
  run(items: readonly Item[]): Promise<readonly (Outcome | Error)[]>;
  /** Maximum number of items in one command. */
  maxItems?: number;
  /** Maximum size of one command, as the sum of the `bytes` given to `add`. A larger item is sent alone, at once. */
  maxBytes?: number;
  /** Maximum number of items in the queue; further items are refused with 503. */
  maxQueuedItems?: number;
  /** Maximum size of the queue in bytes; further items are refused with 503. */
  maxQueuedBytes?: number;
  /** Milliseconds after which a command without a response no longer delays the next one. */
  slowCommandMs?: number;
  /** Milliseconds in the queue after which an item is not sent any more: its request has been answered 503 by then. */
  maxWaitMs?: number;
  /** Returns the milliseconds for which the next command waits for more items; 0 by default. */
  batchDelayMs?(): number;
  /** Runs each item at once and by itself; benchmarks compare batching with this. */
  isDisabled?: boolean;
}

interface QueuedItem<Item, Outcome> {
  item: Item;
  bytes: number;
  addedAt: number;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Combines small commands of one kind: while one command runs, new items are queued and form the next command. A single
 * caller never waits for others. A caller gets its outcome only after its command has ended. An item that is added while
 * a command runs is never part of that command, so a queued read sees everything that was written before it was added.
 */
export class Batcher<Item, Outcome> {
  readonly #options: Required<BatcherOptions<Item, Outcome>>;
  #queue: QueuedItem<Item, Outcome>[] = [];
  #queuedBytes = 0;
  #isBlocked = false;
  readonly #running = new Set<Promise<void>>();

  constructor(options: BatcherOptions<Item, Outcome>) {
    this.#options = {
      maxItems: 1000,
      maxBytes: 4 * 1024 * 1024,
      maxQueuedItems: 10_000,
      maxQueuedBytes: 64 * 1024 * 1024,
      slowCommandMs: 2000,
      maxWaitMs: requestTimeLimitMs,
      batchDelayMs: () => 0,
      isDisabled: false,
      ...options,
    };
  }

  /**
   * Runs an item together with other queued items.
   * @param bytes approximate size of the item in a command; required for items that can be large
   * @throws what its command throws; ApiError 503 if the queue is full, or if the item waited too long and was not sent
   */
  add(item: Item, bytes = 0): Promise<Outcome> {
    const { maxQueuedItems, maxQueuedBytes } = this.#options;
    const isFull = this.#queue.length >= maxQueuedItems || this.#queuedBytes + bytes > maxQueuedBytes;
    if (isFull) return Promise.reject(createOverloadError());
    return new Promise((resolve, reject) => {
      const entry = { item, bytes, addedAt: performance.now(), resolve, reject };
      if (this.#options.isDisabled || bytes > this.#options.maxBytes) return void this.#run([entry]);
      this.#queue.push(entry);
      this.#queuedBytes += bytes;
      this.#schedule();
    });
  }

  /** Waits until the queue is empty and no command runs; for an orderly shutdown. */
  async settle(): Promise<void> {
    while (this.#isBlocked || this.#running.size > 0) {
      await new Promise(setImmediate);
      await Promise.all(this.#running);
    }
  }

  /**
   * Uses `setImmediate`, so that all requests that this turn of the event loop read from its sockets are sent together.
   */
  #schedule(): void {
    if (this.#isBlocked || this.#queue.length === 0) return;
    this.#isBlocked = true;
    const send = () => void this.#send(this.#takeBatch());
    const batchDelayMs = this.#options.batchDelayMs();
    if (batchDelayMs > 0) setTimeout(send, batchDelayMs);
    else setImmediate(send);
  }

  /** Runs one command, then lets the next one start. A silent connection delays only the callers of its own command. */
  async #send(batch: readonly QueuedItem<Item, Outcome>[]): Promise<void> {
    let isBlocking = true;
    const unblock = () => {
      if (!isBlocking) return;
      isBlocking = false;
      this.#isBlocked = false;
      this.#schedule();
    };
    const timer = setTimeout(unblock, this.#options.slowCommandMs);
    if (batch.length > 0) await this.#run(batch);
    clearTimeout(timer);
    unblock();
  }

  /**
   * Removes the next command's items from the queue. Items that waited too long are rejected: their requests have been
   * answered.
   */
  #takeBatch(): readonly QueuedItem<Item, Outcome>[] {
    const { maxItems, maxBytes, maxWaitMs } = this.#options;
    const oldest = performance.now() - maxWaitMs;
    const firstValid = this.#queue.findIndex(({ addedAt }) => addedAt >= oldest);
    const expired = this.#queue.splice(0, firstValid < 0 ? this.#queue.length : firstValid);
    for (const { reject } of expired) reject(createOverloadError());
    let count = 0;
    let bytes = 0;
    for (const entry of this.#queue) {
      bytes += entry.bytes;
      if (count === maxItems || bytes > maxBytes) break;
      count += 1;
    }
    const batch = this.#queue.splice(0, count);
    this.#queuedBytes = this.#queue.reduce((sum, entry) => sum + entry.bytes, 0);
    return batch;
  }

  #run(batch: readonly QueuedItem<Item, Outcome>[]): Promise<void> {
    const running = this.#execute(batch).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  async #execute(batch: readonly QueuedItem<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i];
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Outcome);
      });
    } catch (error) {
      // One item prevented the driver from making a command: the others must not fail for it.
      if (batch.length > 1 && wasNotSent(error)) await Promise.all(batch.map((entry) => this.#run([entry])));
      else for (const { reject } of batch) reject(error);
    }
  }
}

function createOverloadError(): ApiError {
  return new ApiError(commonErrors.unavailable, {
    message: 'The database cannot keep up, try again',
    headers: { 'Retry-After': '1' },
  });
}
