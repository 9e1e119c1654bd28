import type { ChangeFeed } from '../db/change-feed.js';
import { Signal, type WaitEnd } from '../hub/signal.js';
import { Topic } from '../hub/topic.js';

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

/**
 * The claims of this process that wait for a job, by queue. A job that becomes claimable wakes one of them: the one that
 * came first, waits for that queue and may have it.
 */
export class JobWaiters {
  readonly #topic = new Topic<Claimable>();

  /** The process ends: nobody waits any longer. */
  get isEnding(): boolean {
    return this.#topic.isEnding;
  }

  /** How many wait, and do not look. */
  get count(): number {
    return this.#topic.idleCount;
  }

  /** Adds a claim; from now on jobs of its queues wake it, or are noticed after a look that it has begun. It has to `leave`. */
  add(queues: readonly string[], agent: string): JobWaiter {
    return new JobWaiter([...new Set(queues)], agent, this.#topic);
  }

  /** A job became claimable. */
  wake(claimable: Claimable): void {
    this.#topic.publishToOne(claimable.queue, claimable);
  }

  /** Changes were missed: every claim looks again. */
  wakeAll(): void {
    this.#topic.publishGap();
  }

  /** Ends all waits: the process ends. */
  end(): void {
    this.#topic.end();
  }
}

/** A claim that waits, or looks for a job. */
export class JobWaiter {
  readonly #signal = new Signal();
  readonly #unsubscribe: () => void;
  #received: Claimable | undefined;

  constructor(
    queues: readonly string[],
    agent: string,
    private readonly topic: Topic<Claimable>,
  ) {
    this.#unsubscribe = topic.subscribe(queues, {
      signal: this.#signal,
      accepts: ({ excluded }) => !excluded.includes(agent),
      receive: (claimable) => (this.#received = claimable),
    });
  }

  /** When the job that woke it became claimable. */
  get wokenFor(): Date | undefined {
    return this.#received?.at;
  }

  /** Call before each look for a job. */
  beginLook(): void {
    this.#signal.beginCheck();
  }

  /** Waits until there may be a job that the last look could not see. */
  wait(milliseconds: number): Promise<WaitEnd> {
    this.#received = undefined;
    return this.#signal.wait(milliseconds);
  }

  /** Ends the wait at once, even if the claim is querying at the moment. */
  end(): void {
    this.#signal.end();
  }

  /**
   * Ends the wait. If the claim took another job than the one that woke it, or could not query, that job goes to the next
   * waiter.
   * @param taken the `_id` of the job that it took, in hex
   */
  leave(taken: string | undefined): void {
    this.#unsubscribe();
    const received = this.#received;
    if (received !== undefined && received.id !== taken) this.topic.publishToOne(received.queue, received);
  }
}

/** A feed of jobs that become claimable. */
export type ClaimableFeed = Pick<ChangeFeed<unknown>, 'acquire' | 'release' | 'close' | 'isLive'>;
