import { requestTimeLimitMs } from '../core/time-limits.js';
import { commonErrors } from '../errors/common-errors.js';
import { ApiError } from '../errors/api-error.js';
import { wasNeverSent } from './classify-error.js';

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
  maxWaiting?: number;
  maxWaitingBytes?: number;
  /** Milliseconds after which a command that gets no answer holds up nobody any more. */
  patienceMs?: number;
  /** Milliseconds after which an item is not sent any more: by then its request has been answered 503. */
  longestWaitMs?: number;
  /** Milliseconds for which the next command waits for more to come; none without it. */
  gatherMs?(): number;
  /** Each item is run at once and by itself: what batching is compared with. */
  isOff?: boolean;
}

interface Entry<Item, Outcome> {
  item: Item;
  bytes: number;
  since: number;
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
  #waiting: Entry<Item, Outcome>[] = [];
  #waitingBytes = 0;
  #isHeldUp = false;
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: BatcherOptions<Item, Outcome>) {
    this.#options = {
      maxItems: 1000,
      maxBytes: 4 * 1024 * 1024,
      maxWaiting: 10_000,
      maxWaitingBytes: 64 * 1024 * 1024,
      patienceMs: 2000,
      longestWaitMs: requestTimeLimitMs,
      gatherMs: () => 0,
      isOff: false,
      ...options,
    };
  }

  /**
   * Runs an item with those that wait.
   * @param bytes about as many as it takes in a command; needed for what can be large
   * @throws what its command throws; ApiError 503 when too many wait, or it waited too long and was not sent
   */
  add(item: Item, bytes = 0): Promise<Outcome> {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    const isFull = this.#waiting.length >= maxWaiting || this.#waitingBytes + bytes > maxWaitingBytes;
    if (isFull) return Promise.reject(cannotKeepUp());
    return new Promise((resolve, reject) => {
      const entry = { item, bytes, since: performance.now(), resolve, reject };
      if (this.#options.isOff || bytes > this.#options.maxBytes) return void this.#run([entry]);
      this.#waiting.push(entry);
      this.#waitingBytes += bytes;
      this.#schedule();
    });
  }

  /** Waits until nothing waits and nothing is under way; for an orderly end. */
  async settle(): Promise<void> {
    while (this.#isHeldUp || this.#underWay.size > 0) {
      await new Promise(setImmediate);
      await Promise.all(this.#underWay);
    }
  }

  /** From `setImmediate`, so that all that this turn of the event loop read from its sockets goes together. */
  #schedule(): void {
    if (this.#isHeldUp || this.#waiting.length === 0) return;
    this.#isHeldUp = true;
    const send = () => void this.#send(this.#take());
    const gatherMs = this.#options.gatherMs();
    if (gatherMs > 0) setTimeout(send, gatherMs);
    else setImmediate(send);
  }

  /** A connection that went silent holds up its own callers, and not all who come after them. */
  async #send(batch: readonly Entry<Item, Outcome>[]): Promise<void> {
    let isHolding = true;
    const goOn = () => {
      if (!isHolding) return;
      isHolding = false;
      this.#isHeldUp = false;
      this.#schedule();
    };
    const timer = setTimeout(goOn, this.#options.patienceMs);
    if (batch.length > 0) await this.#run(batch);
    clearTimeout(timer);
    goOn();
  }

  /** The next to go, without those that waited so long that their callers were given up on: these are not sent any more. */
  #take(): readonly Entry<Item, Outcome>[] {
    const { maxItems, maxBytes, longestWaitMs } = this.#options;
    const oldest = performance.now() - longestWaitMs;
    const firstInTime = this.#waiting.findIndex(({ since }) => since >= oldest);
    const late = this.#waiting.splice(0, firstInTime < 0 ? this.#waiting.length : firstInTime);
    for (const { reject } of late) reject(cannotKeepUp());
    let count = 0;
    let bytes = 0;
    for (const entry of this.#waiting) {
      bytes += entry.bytes;
      if (count === maxItems || bytes > maxBytes) break;
      count += 1;
    }
    const batch = this.#waiting.splice(0, count);
    this.#waitingBytes = this.#waiting.reduce((sum, entry) => sum + entry.bytes, 0);
    return batch;
  }

  #run(batch: readonly Entry<Item, Outcome>[]): Promise<void> {
    const running = this.#tell(batch).finally(() => this.#underWay.delete(running));
    this.#underWay.add(running);
    return running;
  }

  async #tell(batch: readonly Entry<Item, Outcome>[]): Promise<void> {
    try {
      const outcomes = await this.#options.run(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, i) => {
        const outcome = outcomes[i];
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome as Outcome);
      });
    } catch (error) {
      // What the driver cannot make a command of is one caller's fault.
      if (batch.length > 1 && wasNeverSent(error)) await Promise.all(batch.map((one) => this.#run([one])));
      else for (const { reject } of batch) reject(error);
    }
  }
}

function cannotKeepUp(): ApiError {
  return new ApiError(commonErrors.unavailable, {
    message: 'The database cannot keep up, try again',
    headers: { 'Retry-After': '1' },
  });
}
