import { commonErrors } from '../errors/common-errors.js';
import { ApiError } from '../errors/api-error.js';
import { wasNotSent } from './classify-error.js';

/** How what waits is run, and how much of it. */
export interface BatcherOptions<Item, Outcome> {
  /**
   * Runs items as one command; the outcome of each, in their order, where an error is thrown at that one caller. What it
   * throws itself is thrown at all. It must not wait for an `add` to the same batcher, which would wait for it.
   */
  run(items: readonly Item[]): Promise<readonly (Outcome | Error)[]>;
  /** Items of one command. */
  maxItems?: number;
  /** Bytes of one command, as `add` tells them; an item of more goes alone, and holds nobody up. */
  maxBytes?: number;
  /** Items that may wait, and their bytes; further ones are answered 503. */
  maxQueuedItems?: number;
  maxQueuedBytes?: number;
  /** Milliseconds after which a command that gets no answer holds up nobody any more. */
  slowCommandMs?: number;
  /** Milliseconds after which an item is not sent any more: by then its request has been answered 503. */
  maxWaitMs?: number;
  /** Milliseconds for which the next command waits for more to come; none without it. */
  batchDelayMs?(): number;
  /** Each item is run at once and by itself: what batching is compared with. */
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
 * Lets small commands of one kind travel together: one is under way, and what is added meanwhile goes out as the next.
 * One caller alone waits for nobody. An outcome is told only once its command has ended, and what is added while a
 * command is under way is never part of it: a read that waits sees all that was written before it came.
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
      maxWaitMs: 9000,
      batchDelayMs: () => 0,
      isDisabled: false,
      ...options,
    };
  }

  /**
   * Runs an item with those that wait.
   * @param bytes about as many as it takes in a command; needed for what can be large
   * @throws what its command throws; ApiError 503 when too many wait, or it waited too long and was not sent
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

  /** Waits until nothing waits and nothing is under way; for an orderly end. */
  async settle(): Promise<void> {
    while (this.#isBlocked || this.#running.size > 0) {
      await new Promise(setImmediate);
      await Promise.all(this.#running);
    }
  }

  /** From `setImmediate`, so that all that this turn of the event loop read from its sockets goes together. */
  #schedule(): void {
    if (this.#isBlocked || this.#queue.length === 0) return;
    this.#isBlocked = true;
    const send = () => void this.#send(this.#takeBatch());
    const batchDelayMs = this.#options.batchDelayMs();
    if (batchDelayMs > 0) setTimeout(send, batchDelayMs);
    else setImmediate(send);
  }

  /** A connection that went silent holds up its own callers, and not all who come after them. */
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

  /** The next to go, without those that waited so long that their callers were given up on: these are not sent any more. */
  #takeBatch(): readonly QueuedItem<Item, Outcome>[] {
    const { maxItems, maxBytes, maxWaitMs } = this.#options;
    const oldest = performance.now() - maxWaitMs;
    const firstInTime = this.#queue.findIndex(({ addedAt }) => addedAt >= oldest);
    const expired = this.#queue.splice(0, firstInTime < 0 ? this.#queue.length : firstInTime);
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
      // What the driver cannot make a command of is one caller's fault.
      if (batch.length > 1 && wasNotSent(error)) await Promise.all(batch.map((one) => this.#run([one])));
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
