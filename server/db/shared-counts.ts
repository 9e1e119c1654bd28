import { BSON, type Collection, type Document, type Filter } from 'mongodb';
import { cannotKeepUp } from './batcher.js';

const { EJSON } = BSON;

/** Different counts that may wait; further ones are answered 503. */
const mostWaiting = 1000;

/**
 * Counts one after the other, so that however many ask, MongoDB reads one range of an index at a time for a process. Who
 * asks for what waits already is told by the same count, which has not begun yet: nothing is stale.
 */
export class SharedCounts<T extends Document> {
  readonly #waiting = new Map<string, Promise<number>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly collection: Collection<T>) {}

  /** @throws ApiError 503 when too many wait */
  count(filter: Filter<T>): Promise<number> {
    const key = EJSON.stringify(filter);
    const shared = this.#waiting.get(key);
    if (shared) return shared;
    if (this.#waiting.size >= mostWaiting) return Promise.reject(cannotKeepUp());
    const counted = this.#last.then(() => {
      this.#waiting.delete(key);
      return this.collection.countDocuments(filter);
    });
    this.#waiting.set(key, counted);
    this.#last = counted.catch(() => undefined);
    return counted;
  }
}
