import { BSON, type Collection, type Document, type Filter } from 'mongodb';
import { Batcher } from './batcher.js';

const { EJSON } = BSON;

/**
 * Counts one after the other, so that however many ask, MongoDB reads one range of an index at a time for a process. Who
 * asks for what waits already is told by the same count, which has not begun yet: nothing is stale.
 */
export class SharedCounts<T extends Document> {
  readonly #waiting = new Map<string, Promise<number>>();
  readonly #counts: Batcher<Filter<T>, number>;

  constructor(collection: Collection<T>) {
    this.#counts = new Batcher({
      maxItems: 1,
      run: ([filter = {}]) => {
        this.#waiting.delete(EJSON.stringify(filter));
        return collection.countDocuments(filter).then((count) => [count]);
      },
    });
  }

  /** @throws as a batcher does: ApiError 503 when too many wait, or it waited too long */
  count(filter: Filter<T>): Promise<number> {
    const key = EJSON.stringify(filter);
    const shared = this.#waiting.get(key);
    if (shared) return shared;
    const counted = this.#counts.add(filter);
    this.#waiting.set(key, counted);
    // One that was never sent is not to be shared for good.
    counted.catch(() => this.#waiting.delete(key));
    return counted;
  }

  /** Waits until nothing waits and nothing is under way. */
  settle(): Promise<void> {
    return this.#counts.settle();
  }
}
