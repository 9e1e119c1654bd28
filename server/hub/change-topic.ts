import { ChangeFeed, type ChangeFeedOptions } from '../db/change-feed.js';
import { Signal, type WaitOptions } from './signal.js';
import { Topic } from './topic.js';

/** Selects the changes of a collection, and names the key of each change. */
export interface ChangeTopicOptions<Change> extends Omit<ChangeFeedOptions<Change>, 'onChange' | 'onGap'> {
  /** Returns the key that requests wait on. */
  keyOf(change: Change): string;
}

/** A topic of the changes of a collection. Its change stream is open only while requests wait. */
export class ChangeTopic<Change> {
  readonly #topic = new Topic<Change>();
  readonly #feed: ChangeFeed<Change>;

  constructor({ keyOf, ...options }: ChangeTopicOptions<Change>) {
    this.#feed = new ChangeFeed<Change>({
      ...options,
      onChange: (change) => this.#topic.publish(keyOf(change), change),
      onGap: () => this.#topic.publishGap(),
    });
  }

  /** The number of waiting requests. */
  get count(): number {
    return this.#topic.idleCount;
  }

  /** Resolves once every change of the key wakes the signal. @returns a function that unsubscribes */
  async subscribe(key: string, signal: Signal): Promise<() => void> {
    const unsubscribe = this.#topic.subscribe([key], { signal });
    await this.#feed.acquire();
    return () => {
      this.#feed.release();
      unsubscribe();
    };
  }

  /** Ends all waits, because the process stops. */
  end(): void {
    this.#topic.end();
  }

  /** Ends all waits, and closes the change stream. */
  async close(): Promise<void> {
    this.end();
    await this.#feed.close();
  }
}

/** What a request waits for: a key of a topic. */
export interface Subject {
  topic: Pick<ChangeTopic<unknown>, 'subscribe'>;
  key: string;
}

/**
 * Waits until `isReady` returns true, the time is over, the client has disconnected, or the process stops. `isReady` is
 * called first, and again after each change of the subjects.
 */
export async function waitForChange(
  subjects: readonly Subject[],
  { seconds, onGone }: Pick<WaitOptions, 'seconds' | 'onGone'>,
  isReady: () => Promise<boolean>,
): Promise<void> {
  const signal = new Signal();
  const deadline = performance.now() + seconds * 1000;
  const ignoreGone = onGone(() => signal.end());
  const unsubscribes = await Promise.all(subjects.map(({ topic, key }) => topic.subscribe(key, signal)));
  try {
    do {
      signal.beginCheck();
      if (await isReady()) return;
    } while ((await signal.wait(deadline - performance.now())) === 'woken');
  } finally {
    ignoreGone();
    for (const unsubscribe of unsubscribes) unsubscribe();
  }
}
