/** Why a wait ended: there may be news, or nobody waits any longer. */
export type WaitEnd = 'woken' | 'over';

/** How long a request waits, and how it learns that its client has gone. */
export interface WaitOptions {
  seconds: number;
  /** The client has closed the connection: nobody would get the response. */
  isGone(): boolean;
  /** Calls `listener` when the client closes its connection; what it returns ends that. */
  onGone(listener: () => void): () => void;
}

/**
 * What one request waits on. It looks for what it waits for, and waits only when nothing was published since that look
 * began: so nothing that becomes true between the look and the wait is missed.
 */
export class Signal {
  readonly #counters = new Set<() => number>();
  #seen = 0;
  #isOver = false;
  #resume: ((end: WaitEnd) => void) | undefined;

  /** Whether it waits now, and does not look. */
  get isIdle(): boolean {
    return this.#resume !== undefined;
  }

  /** Takes note of a count that grows with each publication; what it returns ends that. */
  watch(counter: () => number): () => void {
    this.#counters.add(counter);
    return () => this.#counters.delete(counter);
  }

  /** Call before each look: publications from now on are news for the next wait. */
  beginLook(): void {
    this.#seen = this.#count();
  }

  /** Waits for a publication since the last look began, for so many milliseconds at most. */
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

  /** Ends a wait, since there may be news. */
  wake(): void {
    this.#resume?.('woken');
  }

  /** Nobody wants to wait any longer, even if it looks at the moment. */
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
