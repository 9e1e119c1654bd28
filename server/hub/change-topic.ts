import { ChangeFeed, type ChangeFeedOptions } from '../db/change-feed.js';
import { Signal, type WaitOptions } from './signal.js';
import { Topic } from './topic.js';

/** Which changes are followed, and by which key requests wait for one. */
export interface ChangeTopicOptions<Change> extends Omit<ChangeFeedOptions<Change>, 'onChange' | 'onGap'> {
  keyOf(change: Change): string;
}

/** The changes of a collection as a topic; its change stream is open only while somebody waits. */
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

  /** How many requests wait. */
  get count(): number {
    return this.#topic.idleCount;
  }

  /** Resolves once every change of the key wakes the signal; what it returns ends that. */
  async subscribe(key: string, signal: Signal): Promise<() => void> {
    const unsubscribe = this.#topic.subscribe([key], { signal });
    await this.#feed.acquire();
    return () => {
      this.#feed.release();
      unsubscribe();
    };
  }

  /** Ends all waits: the process ends. */
  end(): void {
    this.#topic.end();
  }

  async close(): Promise<void> {
    this.end();
    await this.#feed.close();
  }
}

/** Something that a request waits for: a topic, and the key in it. */
export interface Subject {
  topic: Pick<ChangeTopic<unknown>, 'subscribe'>;
  key: string;
}

/** Waits until `hasNews`, which is asked with each change of the subjects, the time is over, the client has gone, or the process ends. */
export async function waitForNews(
  subjects: readonly Subject[],
  { seconds, onGone }: Pick<WaitOptions, 'seconds' | 'onGone'>,
  hasNews: () => Promise<boolean>,
): Promise<void> {
  const signal = new Signal();
  const deadline = performance.now() + seconds * 1000;
  const ignoreGone = onGone(() => signal.end());
  const endings = await Promise.all(subjects.map(({ topic, key }) => topic.subscribe(key, signal)));
  try {
    do {
      signal.beginLook();
      if (await hasNews()) return;
    } while ((await signal.wait(deadline - performance.now())) === 'woken');
  } finally {
    ignoreGone();
    for (const end of endings) end();
  }
}
