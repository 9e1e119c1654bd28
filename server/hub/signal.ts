/** Why a wait ended: a message was published (`woken`), or the wait is over. */
export type WaitEnd = 'woken' | 'over';

/** How long a request waits, and whether its client is still connected. */
export interface WaitOptions {
  /** Maximum duration of the wait. */
  seconds: number;
  /** Returns whether the client has closed the connection, so that nobody would receive the response. */
  isGone(): boolean;
  /** Calls `listener` when the client closes its connection. Returns a function that removes the listener. */
  onGone(listener: () => void): () => void;
}

/**
 * Wakes one waiting request. The request checks its condition, and then waits only if nothing was published since that
 * check began. A change between the check and the wait is therefore never missed.
 */
export class Signal {
  readonly #counters = new Set<() => number>();
  #seen = 0;
  #isOver = false;
  #resume: ((end: WaitEnd) => void) | undefined;

  /** Whether the request waits now. It is false while the request checks its condition. */
  get isIdle(): boolean {
    return this.#resume !== undefined;
  }

  /** Watches a counter that grows with each publication. Returns a function that stops this. */
  watch(counter: () => number): () => void {
    this.#counters.add(counter);
    return () => this.#counters.delete(counter);
  }

  /** Call this before each check: a publication from now on ends the next wait at once. */
  beginCheck(): void {
    this.#seen = this.#count();
  }

  /** Waits until something is published after the last check began, or until the time is over. */
  wait(milliseconds: number): Promise<WaitEnd> {
    if (this.#isOver || milliseconds <= 0) return Promise.resolve('over');
    if (this.#count() > this.#seen) return Promise.resolve('woken');
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), milliseconds);
      this.#resume = (end) => {
        this.#resume = undefined;
        clearTimeout(timer);
        resolve(end);
      };
    });
  }

  /** Ends the current wait with `woken`. */
  wake(): void {
    this.#resume?.('woken');
  }

  /** Ends the current wait with `over`, and all later waits at once. */
  end(): void {
    this.#isOver = true;
    this.#resume?.('over');
  }

  #count(): number {
    let sum = 0;
    for (const counter of this.#counters) sum += counter();
    return sum;
  }
}
