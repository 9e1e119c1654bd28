import { BSON, type Collection, type Document, type Filter } from 'mongodb';
import { Batcher } from './batcher.js';

const { EJSON } = BSON;

/**
 * Runs counts one after the other: however many callers there are, MongoDB reads one index range at a time for a process.
 * A caller shares a queued count with the same filter. That count has not started, so its result is not stale.
 */
export class SharedCounts<T extends Document> {
  readonly #waiting = new Map<string, Promise<number>>();
  readonly #counts: Batcher<Filter<T>, number>;

  constructor(collection: Collection<T>) {
    this.#counts = new Batcher({
      maxItems: 1,
      run: ([filter = {}]) => {
        this.#waiting.delete(presentKey(filter));
        return collection.countDocuments(filter).then((count) => [count]);
      },
    });
  }

  /**
   * Counts the documents that match.
   * @throws ApiError 503 if too many counts are queued, or this one waited too long
   */
  count(filter: Filter<T>): Promise<number> {
    const key = presentKey(filter);
    const shared = this.#waiting.get(key);
    if (shared) return shared;
    const counted = this.#counts.add(filter);
    this.#waiting.set(key, counted);
    // A count that was never sent would otherwise be shared forever.
    counted.catch(() => this.#waiting.delete(key));
    return counted;
  }

  /** Waits until no count is queued or running. */
  settle(): Promise<void> {
    return this.#counts.settle();
  }
}

/** Writes a filter as a key. Relaxed, 64-bit integers would lose digits, and different ranges share one count. */
function presentKey(filter: object): string {
  return EJSON.stringify(filter, { relaxed: false });
}
