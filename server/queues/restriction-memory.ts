import type { ObjectId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeFeed } from '../db/change-feed.js';
import type { QueueCollections } from './collections.js';

/** Maximum milliseconds by which the memory may be behind the database. Then it is not used. */
const maxLagMs = 1000;

/** The part of a change that the pipeline keeps. */
interface RestrictionChange {
  operationType: string;
  documentKey?: { _id: ObjectId };
  queue?: string;
}

/**
 * The names of all restricted queues, in memory, so that a submit need not read them. A change stream keeps them right: a
 * change by another process is known here within one second, and a change by this process at once. While the stream is
 * lost or silent, the memory answers `undefined`, and the caller must read the database.
 *
 * The stream opens with the first question, not at the start, since each open stream costs MongoDB time with every write,
 * and then stays open.
 */
export class RestrictionMemory {
  readonly #feed: ChangeFeed<RestrictionChange>;
  #isAcquired = false;
  /** Names by the id of their document, since a deletion names only the id; `undefined` until they are loaded. */
  #names: Map<string, string> | undefined;
  #restricted: ReadonlySet<string> = new Set();
  /** Documents that this process deleted: the event of their insertion may come later. */
  readonly #lifted = new Set<string>();
  /** The load that is under way, with the changes that come meanwhile. */
  #load: { changes: (() => void)[] } | undefined;

  constructor(
    private readonly collection: QueueCollections['restrictedQueues'],
    log: Logger,
  ) {
    this.#feed = new ChangeFeed<RestrictionChange>({
      name: 'restricted queues',
      collection: collection as never,
      pipeline: [{ $project: { operationType: 1, documentKey: 1, queue: '$fullDocument.queue_name' } }],
      log,
      maxLagMs,
      whileLost: 'each submit reads the restricted queues',
      onGap: () => this.#forget(),
      onChange: (change) => this.#follow(change),
    });
  }

  /** Returns whether a queue is restricted, or `undefined` if only the database knows. */
  isRestricted(queue: string): boolean | undefined {
    return this.#isKnown() ? this.#restricted.has(queue) : undefined;
  }

  /** Returns true if surely none of these queues is restricted. False if one is, or if only the database knows. */
  areUnrestricted(queues: readonly string[]): boolean {
    return this.#isKnown() && !queues.some((queue) => this.#restricted.has(queue));
  }

  /** Adds a restriction that this process has stored. */
  add(id: ObjectId, queue: string): void {
    this.#change(() => this.#names?.set(id.toString(), queue));
  }

  /** Removes restrictions that this process has deleted. */
  remove(ids: readonly ObjectId[]): void {
    this.#change(() => {
      for (const id of ids.map((one) => one.toString())) {
        this.#names?.delete(id);
        this.#lifted.add(id);
      }
    });
  }

  /** Closes the stream for good. */
  close(): Promise<void> {
    return this.#feed.close();
  }

  #isKnown(): boolean {
    if (this.#names !== undefined && this.#feed.isCurrent) return true;
    if (!this.#isAcquired) {
      this.#isAcquired = true;
      void this.#feed.acquire();
    } else if (this.#names === undefined) this.#startLoad();
    return false;
  }

  #forget(): void {
    this.#names = undefined;
    this.#load = undefined;
    this.#lifted.clear();
    this.#startLoad();
  }

  /** Loads the names, unless the stream is not open: changes after the load would be missed. */
  #startLoad(): void {
    if (this.#load !== undefined || !this.#feed.isLive) return;
    const load = { changes: [] };
    this.#load = load;
    this.#readAll(load).catch(() => {
      // The next question starts another load.
      if (this.#load === load) this.#load = undefined;
    });
  }

  async #readAll(load: { changes: (() => void)[] }): Promise<void> {
    const found = await this.collection
      .find({}, { projection: { queue_name: 1 }, readPreference: 'primary' })
      .toArray();
    if (this.#load !== load) return;
    this.#load = undefined;
    this.#names = new Map(found.map(({ _id, queue_name: queue }) => [_id.toString(), queue]));
    this.#change(() => {
      for (const change of load.changes) change();
    });
  }

  #follow({ operationType, documentKey, queue }: RestrictionChange): void {
    const id = documentKey?._id.toString();
    if (id !== undefined && operationType === 'delete') {
      this.#change(() => {
        this.#names?.delete(id);
        this.#lifted.delete(id);
      });
    } else if (id !== undefined && queue !== undefined && operationType !== 'update') {
      this.#change(() => {
        if (!this.#lifted.has(id)) this.#names?.set(id, queue);
      });
    } else this.#forget();
  }

  #change(apply: () => void): void {
    if (this.#load !== undefined) this.#load.changes.push(apply);
    if (this.#names === undefined) return;
    apply();
    this.#restricted = new Set(this.#names.values());
  }
}
