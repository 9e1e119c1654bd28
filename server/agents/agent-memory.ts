import type { Document, WithId } from 'mongodb';
import type { Logger } from 'pino';
import { ChangeFeed } from '../db/change-feed.js';
import type { AgentRecord, LeaseCollections } from '../leases/collections.js';
import { type AgentEvent, AgentRecords } from './agent-records.js';
import { shownFields } from './shown-fields.js';

/** Milliseconds without a request of an agent after which the change stream is released. */
const idleMs = 60_000;

/**
 * Milliseconds for which events are collected. A read that comes before the event of its agent's write reads the database, and
 * adds the record itself. Two servers and eight busy agents made 440 reads and requests for events without a pause, 190 with
 * 20 ms, and 230 with 100 ms.
 */
const pauseMs = 20;

const eventFields = [...shownFields, 'updated_at', 'write_mark', 'revision'] as const;

/**
 * Keeps the events small, and drops those that only store when agents were seen. A record that was just inserted is added to the memory when its agent first reads it.
 */
const pipeline: Document[] = [
  {
    $match: {
      operationType: { $ne: 'insert' },
      'updateDescription.updatedFields.seen_at': { $exists: false },
    },
  },
  {
    $project: {
      operationType: 1,
      documentKey: 1,
      fields: Object.fromEntries(
        eventFields.map((name) => [name, `$updateDescription.updatedFields.${name}`]),
      ),
      removed: '$updateDescription.removedFields',
    },
  },
];

/** Maximum milliseconds since MongoDB last answered the stream: a silent connection must not keep old records alive. */
const maxLagMs = 1000;

/** Adds a record that was read from the database to the memory, if nothing was forgotten since the read began. */
export type AddAgent = (record: WithId<AgentRecord>, acknowledged: string | undefined) => void;

/**
 * The agents' records that this process remembers, which a change stream updates. The stream opens with the first request
 * of an agent, and no request waits for it.
 */
export class AgentMemory {
  readonly #records = new AgentRecords();
  readonly #feed: ChangeFeed<AgentEvent>;
  #isUsed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ agents }: LeaseCollections, log: Logger) {
    this.#feed = new ChangeFeed<AgentEvent>({
      name: 'agents',
      collection: agents as never,
      pipeline,
      log,
      pauseMs,
      maxLagMs,
      onChange: (event) => this.#records.apply(event),
      onGap: () => this.#records.clear(),
    });
  }

  /** Whether records can be answered from memory. */
  get isLive(): boolean {
    return this.#feed.isLive;
  }

  /** Returns the record of an agent if it contains the write with this mark. The caller must not change it. */
  find(name: string, mark: string): WithId<AgentRecord> | undefined {
    this.#keepOpen();
    return this.#feed.isCurrent ? this.#records.find(name, mark) : undefined;
  }

  /** Call it before a read, or before a write that returns the record. @returns a function that adds the record */
  beginRead(): AddAgent {
    this.#keepOpen();
    if (!this.#feed.isLive) return () => undefined;
    const { epoch } = this.#records;
    return (record, acknowledged) => {
      if (this.#feed.isLive) this.#records.add(record, epoch, acknowledged);
    };
  }

  /** Closes the change stream for good. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#feed.close();
  }

  /** Keeps the stream open while agents send requests, without a timer for each request. */
  #keepOpen(): void {
    this.#isUsed = true;
    if (this.#timer !== undefined) return;
    void this.#feed.acquire();
    this.#timer = setInterval(() => {
      if (!this.#isUsed) {
        clearInterval(this.#timer);
        this.#timer = undefined;
        this.#feed.release();
      }
      this.#isUsed = false;
    }, idleMs).unref();
  }
}
