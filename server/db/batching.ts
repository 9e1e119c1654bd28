import type { Collection, Document, Filter } from 'mongodb';
import { Batcher, type BatcherOptions } from './batcher.js';
import { SharedCounts } from './shared-counts.js';

/** Makes the batchers of a process, and waits for all of them when the process ends. */
export class Batching {
  readonly #all: { settle(): Promise<void> }[] = [];

  /** @param isDisabled sends each read and write by itself, for the benchmarks */
  constructor(private readonly isDisabled = false) {}

  /** Returns a function that runs small reads or writes of one kind in batches. */
  batched<Item, Outcome>(
    run: BatcherOptions<Item, Outcome>['run'],
    limits: Pick<BatcherOptions<Item, Outcome>, 'maxItems'> = {},
  ): (item: Item, bytes?: number) => Promise<Outcome> {
    const batcher = new Batcher<Item, Outcome>({ run, isDisabled: this.isDisabled, ...limits });
    this.#all.push(batcher);
    return (item, bytes) => batcher.add(item, bytes);
  }

  /**
   * Returns a function that counts documents, one count at a time, and shares a count between callers with the same
   * filter.
   */
  sharedCount<T extends Document>(collection: Collection<T>): (filter: Filter<T>) => Promise<number> {
    if (this.isDisabled) return (filter) => collection.countDocuments(filter);
    const counts = new SharedCounts(collection);
    this.#all.push(counts);
    return (filter) => counts.count(filter);
  }

  /** Waits until no batcher has queued or running items. */
  async settle(): Promise<void> {
    await Promise.all(this.#all.map((batcher) => batcher.settle()));
  }
}
