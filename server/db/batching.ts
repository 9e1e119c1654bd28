import type { Collection, Document, Filter } from 'mongodb';
import { Batcher, type BatcherOptions } from './batcher.js';
import { SharedCounts } from './shared-counts.js';

/** Makes the batchers of a process, and waits for all of them at its end. */
export class Batching {
  readonly #all: { settle(): Promise<void> }[] = [];

  /** @param isDisabled each read and write is sent by itself, for the benchmarks */
  constructor(private readonly isDisabled = false) {}

  /** A function that runs small reads or writes of one kind together with others of the same moment. */
  batched<Item, Outcome>(
    run: BatcherOptions<Item, Outcome>['run'],
  ): (item: Item, bytes?: number) => Promise<Outcome> {
    const batcher = new Batcher<Item, Outcome>({ run, isDisabled: this.isDisabled });
    this.#all.push(batcher);
    return (item, bytes) => batcher.add(item, bytes);
  }

  /** A function that counts documents, one count at a time, and shares a count between callers that ask for the same. */
  sharedCount<T extends Document>(collection: Collection<T>): (filter: Filter<T>) => Promise<number> {
    if (this.isDisabled) return (filter) => collection.countDocuments(filter);
    const sharedCount = new SharedCounts(collection);
    this.#all.push(sharedCount);
    return (filter) => sharedCount.count(filter);
  }

  /** Waits until all of them have ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#all.map((batcher) => batcher.settle()));
  }
}
