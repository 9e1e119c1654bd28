import type { ChangeFeed } from '../db/change-feed.js';

/** A job that became claimable. */
export interface Claimable {
  /** Its `_id`, in hex. */
  id: string;
  queue: string;
  /** Agents that do not get it. */
  excluded: readonly string[];
  /** When, by the database's clock; absent where that is not known. */
  at?: Date | undefined;
}

/** What a queue with waiters has: those, in the order of their arrival, and how many jobs became claimable meanwhile. */
interface WaitedQueue {
  waiters: Set<JobWaiter>;
  count: number;
}

/** Why a wait ended. */
export type WaitEnd = 'woken' | 'over';

/**
 * The claims of this process that wait for a job, by queue. A job that becomes claimable wakes one of them: the one that
 * came first, waits for that queue and may have it.
 */
export class JobWaiters {
  readonly #queues = new Map<string, WaitedQueue>();
  readonly #waiters = new Set<JobWaiter>();
  #isEnding = false;

  /** The process ends: nobody waits any more. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** How many wait, and do not look. */
  get count(): number {
    return [...this.#waiters].filter(({ isIdle }) => isIdle).length;
  }

  /** Adds a claim; it is woken from now on, also while it looks for a job itself, and has to `leave`. */
  add(queues: readonly string[], agent: string): JobWaiter {
    const waiter = new JobWaiter([...new Set(queues)], agent, this);
    this.#waiters.add(waiter);
    for (const name of waiter.queues) {
      const queue = this.#queues.get(name) ?? { waiters: new Set(), count: 0 };
      queue.waiters.add(waiter);
      this.#queues.set(name, queue);
    }
    return waiter;
  }

  remove(waiter: JobWaiter): void {
    this.#waiters.delete(waiter);
    for (const name of waiter.queues) {
      const queue = this.#queues.get(name);
      queue?.waiters.delete(waiter);
      if (queue?.waiters.size === 0) this.#queues.delete(name);
    }
  }

  /** Jobs that became claimable in these queues since they have waiters; it grows with each. */
  countClaimable(names: readonly string[]): number {
    return names.reduce((sum, name) => sum + (this.#queues.get(name)?.count ?? 0), 0);
  }

  /** A job became claimable. */
  wake(claimable: Claimable): void {
    const queue = this.#queues.get(claimable.queue);
    if (queue === undefined) return;
    // Those that are looking now look once more.
    queue.count += 1;
    for (const waiter of queue.waiters) {
      if (!waiter.isIdle || claimable.excluded.includes(waiter.agent)) continue;
      waiter.wake(claimable);
      return;
    }
  }

  /** Changes were missed: all look for themselves. */
  wakeAll(): void {
    for (const queue of this.#queues.values()) queue.count += 1;
    for (const waiter of this.#waiters) waiter.wake(undefined);
  }

  /** Ends all waits: the process ends. */
  end(): void {
    this.#isEnding = true;
    for (const waiter of this.#waiters) waiter.end();
  }
}

/** A claim that waits, or looks for a job. */
export class JobWaiter {
  #seen = 0;
  #isOver = false;
  #unspent: Claimable | undefined;
  #resume: ((end: WaitEnd) => void) | undefined;

  constructor(
    readonly queues: readonly string[],
    readonly agent: string,
    private readonly all: JobWaiters,
  ) {}

  get isIdle(): boolean {
    return this.#resume !== undefined;
  }

  /** When the job that woke it became claimable. */
  get wokenFor(): Date | undefined {
    return this.#unspent?.at;
  }

  /** Before each look for a job. */
  beginLook(): void {
    this.#seen = this.all.countClaimable(this.queues);
  }

  /** Waits until a job may be there that the last look could not see. */
  wait(milliseconds: number): Promise<WaitEnd> {
    this.#unspent = undefined;
    if (this.#isOver || this.all.isEnding || milliseconds <= 0) return Promise.resolve('over');
    if (this.all.countClaimable(this.queues) > this.#seen) return Promise.resolve('woken');
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), milliseconds);
      this.#resume = (end) => {
        this.#resume = undefined;
        clearTimeout(timer);
        resolve(end);
      };
    });
  }

  wake(claimable: Claimable | undefined): void {
    if (this.#resume === undefined) return;
    this.#unspent = claimable;
    this.#resume('woken');
  }

  /** Nobody wants to wait any more, also where it looks now. */
  end(): void {
    this.#isOver = true;
    this.#resume?.('over');
  }

  /**
   * Where it took another job than the one that it was woken for, or could not look, that one is the next waiter's.
   * @param taken the `_id` of the job that it took, in hex
   */
  leave(taken: string | undefined): void {
    this.all.remove(this);
    if (this.#unspent !== undefined && this.#unspent.id !== taken) this.all.wake(this.#unspent);
  }
}

/** A feed of jobs that become claimable. */
export type ClaimableFeed = Pick<ChangeFeed<unknown>, 'use' | 'release' | 'close' | 'isLive'>;
