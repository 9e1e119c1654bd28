import { ChangeFeed, type ChangeFeedOptions } from '../db/change-feed.js';

/** What is followed, and how a change tells whose it is. */
export interface ChangeWatchOptions<Change> extends Omit<ChangeFeedOptions<Change>, 'onChange' | 'onGap'> {
  keyOf(change: Change): string;
}

/** How long somebody is ready to wait. */
export interface Patience {
  seconds: number;
  /** Calls `listener` when nobody waits any more; what it returns ends that. */
  onGone(listener: () => void): () => void;
}

/** Requests of this process that wait for a change of one thing each, named by a key. */
export class ChangeWatch<Change> {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #feed: ChangeFeed<Change>;
  #isEnding = false;
  #count = 0;

  constructor({ keyOf, ...options }: ChangeWatchOptions<Change>) {
    const tellAll = () => this.#listeners.forEach((_, key) => this.#tell(key));
    this.#feed = new ChangeFeed<Change>({
      ...options,
      onChange: (change) => this.#tell(keyOf(change)),
      onGap: tellAll,
    });
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /** Rings with each change of the key from now on; what it returns ends that. */
  async listen(key: string, bell: Bell): Promise<() => void> {
    const listener = () => (this.#isEnding ? bell.end() : bell.ring());
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    this.#count += 1;
    await this.#feed.use();
    listener();
    return () => {
      this.#feed.release();
      this.#count -= 1;
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(key);
    };
  }

  /** Ends all waits: the process ends. */
  end(): void {
    this.#isEnding = true;
    this.#listeners.forEach((_, key) => this.#tell(key));
  }

  async close(): Promise<void> {
    this.end();
    await this.#feed.close();
  }

  #tell(key: string): void {
    for (const listener of this.#listeners.get(key) ?? []) listener();
  }
}

/** Remembers a change that came while nobody waited for it. */
class Bell {
  #hasRung = true;
  #isOver = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** Waits until it has rung since it was asked last; false when the wait is over. */
  async rings(): Promise<boolean> {
    if (!this.#hasRung && !this.#isOver) await new Promise<void>((done) => (this.#wake = done));
    this.#hasRung = false;
    return !this.#isOver;
  }
}

/** A thing that is waited for: where its changes are told, and its key there. */
export interface Subject {
  watch: Pick<ChangeWatch<unknown>, 'listen'>;
  key: string;
}

/** Waits until `hasNews`, which is asked with each change of the subjects, nobody wants to wait longer, or the process ends. */
export async function waitForNews(
  subjects: readonly Subject[],
  { seconds, onGone }: Patience,
  hasNews: () => Promise<boolean>,
): Promise<void> {
  const bell = new Bell();
  const timer = setTimeout(() => bell.end(), seconds * 1000);
  const ignoreGone = onGone(() => bell.end());
  const endings = await Promise.all(subjects.map(({ watch, key }) => watch.listen(key, bell)));
  try {
    while ((await bell.rings()) && !(await hasNews()));
  } finally {
    clearTimeout(timer);
    ignoreGone();
    for (const end of endings) end();
  }
}
