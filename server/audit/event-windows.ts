import type { AuditEvent } from '../core/audit.js';
import { bulkUpsert } from '../db/bulk-upsert.js';
import { makeCountedRecord, type Stamp } from './audit-record.js';
import type { AuditCollections, AuditRecord } from './collections.js';

const minuteMs = 60_000;
const windowMs = { accepted: 60 * minuteMs, refused: minuteMs };

/** Windows that a process counts at once. Events without an actor beyond it are counted together, whatever their source. */
const maxWindows = 10_000;

/** The equal events of one hour or minute. */
interface Window {
  record: AuditRecord;
  until: number;
  lastAt: Date;
  /** Events that are not in the database yet. */
  pending: number;
  /** Of successes: settles when the first one is stored. */
  stored?: Promise<void>;
}

/** Counts equal events: successes by the hour, refusals by the minute, one document for each window. */
export class EventWindows {
  readonly #windows = new Map<string, Window>();

  constructor(private readonly collections: AuditCollections) {}

  /** Counts an event. A success resolves when the first one of its window is stored. @throws the error of the database */
  async count(sent: AuditEvent, stamp: Stamp): Promise<void> {
    const event = this.#limit(sent);
    const now = stamp.at.getTime();
    const length = windowMs[event.outcome];
    const start = now - (now % length);
    const key = presentKey(event, start);
    let window = this.#windows.get(key);
    if (window === undefined) {
      const record = makeCountedRecord(event, stamp, start);
      window = { record, until: start + length, lastAt: stamp.at, pending: 0 };
      this.#windows.set(key, window);
      if (event.outcome === 'accepted') this.#storeFirst(key, window);
    }
    window.pending += 1;
    window.lastAt = stamp.at;
    await window.stored;
  }

  /** Stores the counts, and forgets windows that have ended. @throws the error of the database; the counts are kept then */
  async flush(now: Date): Promise<void> {
    const counted: Window[] = [];
    for (const [key, window] of this.#windows) {
      if (window.pending > 0) counted.push(window);
      else if (window.until < now.getTime()) this.#windows.delete(key);
    }
    if (counted.length > 0) await this.#write(counted);
  }

  /** Leaves out what a stranger can vary: their refusals are counted by source, and all of too many windows together. */
  #limit(event: AuditEvent): AuditEvent {
    const { actor, target: _target, reason: _reason, ...others } = event;
    if (actor !== undefined) return event;
    if (this.#windows.size >= maxWindows) return { ...others, source: 'others' };
    return event.outcome === 'accepted' ? event : others;
  }

  /** Stores a window after this turn of the event loop, with all events that came in it. */
  #storeFirst(key: string, window: Window): void {
    window.stored = new Promise(setImmediate).then(() => this.#write([window]));
    window.stored.catch(() => this.#windows.delete(key));
  }

  async #write(windows: readonly Window[]): Promise<void> {
    const written = windows.map((window) => ({ window, count: window.pending }));
    for (const { window } of written) window.pending = 0;
    try {
      await bulkUpsert(
        this.collections.auditEvents,
        written.map(({ window: { record, lastAt }, count }) => {
          const { _id, ...fields } = record;
          const update = { $setOnInsert: fields, $inc: { count }, $max: { last_at: lastAt } };
          return { updateOne: { filter: { _id }, update, upsert: true } };
        }),
      );
    } catch (error) {
      for (const { window, count } of written) window.pending += count;
      throw error;
    }
  }
}

/** What equal events have in common. Each login makes one, so it is not a digest. */
function presentKey(
  { event, outcome, actor, target, source, reason, key_id }: AuditEvent,
  start: number,
): string {
  return JSON.stringify([event, outcome, start, actor, source, key_id, reason, target]);
}
