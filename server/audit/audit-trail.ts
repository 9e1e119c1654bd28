import type { Logger } from 'pino';
import type { AuditEvent } from '../core/audit.js';
import type { Clock } from '../core/clock.js';
import { bulkUpsert } from '../db/bulk-upsert.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { makeCountedRecord, makeRecord } from './audit-record.js';
import type { AuditCollections, AuditRecord } from './collections.js';

const minuteMs = 60_000;

/**
 * Successes that machines repeat all the time: a pipeline that logs in, an agent that refreshes its token, and misuse that the
 * settings accept. Equal ones of an hour are one document with their number.
 */
const repeatedEvents: ReadonlySet<string> = new Set(['login', 'refresh', 'agent_binding', 'job_ownership']);
const windowMs = { accepted: 60 * minuteMs, refused: minuteMs };

/** Milliseconds for which further equal events are counted before the number is stored. */
const flushMs = 1000;

/** Windows that a process counts at once. Refusals beyond it are counted together, whatever their source. */
const maxWindows = 10_000;

/** Single events that a process keeps while the database does not take them. */
const maxUnstored = 1000;

/** The events of one window that are counted. */
interface Window {
  record: AuditRecord;
  until: number;
  lastAt: Date;
  /** Events that are not in the database yet. */
  pending: number;
  /** Of successes: settles when the first one is stored. */
  stored?: Promise<void>;
}

/** What the trail needs of a process. */
export interface TrailDeps {
  collections: AuditCollections;
  clock: Clock;
  log: Logger;
  config: { auditDays: number };
  /** Stores the record of a single event, with others of the same moment. */
  insert(record: AuditRecord): Promise<void>;
}

/**
 * The security events in the database. A success is stored before it is answered: a single event as a document of its own,
 * a repeated one with the first of its window. Refusals are counted by their kind and minute, and stored within a second.
 */
export class AuditTrail {
  readonly #windows = new Map<string, Window>();
  /** Single events that the database did not take. */
  readonly #unstored: AuditRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: TrailDeps) {}

  /** Stores an event. Resolves at once for a refusal. @throws the error of the database, for a success that is not stored */
  async store(event: AuditEvent): Promise<void> {
    const { clock, config } = this.deps;
    const stamp = { at: clock.now(), days: config.auditDays };
    if (event.outcome === 'accepted' && !repeatedEvents.has(event.event))
      return this.#insert(makeRecord(event, stamp));
    const now = stamp.at.getTime();
    const length = windowMs[event.outcome];
    const start = now - (now % length);
    const counted = this.#limit(event);
    const key = presentKey(counted, start);
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = {
        record: makeCountedRecord(counted, stamp, start),
        until: start + length,
        lastAt: stamp.at,
        pending: 0,
      };
      this.#open(key, window);
    } else this.#schedule();
    window.pending += 1;
    window.lastAt = stamp.at;
    await window.stored;
  }

  /** Stores what is still counted in memory, for the end of the process. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.flush();
    } catch (error) {
      this.deps.log.warn({ err: error }, 'the last audit events could not be stored');
    }
  }

  /** The change has been made: its event is tried again, since the caller may not be able to repeat the request. */
  async #insert(record: AuditRecord): Promise<void> {
    try {
      await this.deps.insert(record);
    } catch (error) {
      if (this.#unstored.length < maxUnstored) this.#unstored.push(record);
      this.#schedule();
      throw error;
    }
  }

  #open(key: string, window: Window): void {
    this.#windows.set(key, window);
    // It also removes the windows that have ended.
    this.#schedule();
    if (window.record.outcome === 'refused') return;
    // After this turn of the event loop, with all events that came in it.
    window.stored = new Promise(setImmediate).then(() => this.#write([window]));
    window.stored.catch(() => this.#windows.delete(key));
  }

  /** Leaves out what a stranger can vary: their refusals are counted by source, and all of too many windows together. */
  #limit(event: AuditEvent): AuditEvent {
    const { actor, target: _target, reason: _reason, ...others } = event;
    if (actor !== undefined) return event;
    if (this.#windows.size >= maxWindows) return { ...others, source: 'others' };
    return event.outcome === 'accepted' ? event : others;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flushing = this.flush().catch((error: unknown) =>
        this.deps.log.warn({ err: error }, 'audit events are not stored yet: the next try is in a second'),
      );
    }, flushMs).unref();
  }

  /** Stores what is counted in memory. @throws the error of the database; what could not be stored is kept */
  async flush(): Promise<void> {
    await this.#flushing;
    const unstored = this.#unstored.splice(0);
    const tries = await Promise.allSettled(unstored.map((record) => this.#insertAgain(record)));
    for (const one of tries) if (one.status === 'rejected') throw one.reason;
    const counted = [...this.#windows.values()].filter(({ pending }) => pending > 0);
    const now = this.deps.clock.now().getTime();
    for (const [key, { until, pending }] of this.#windows)
      if (pending === 0 && until < now) this.#windows.delete(key);
    if (counted.length > 0) await this.#write(counted);
  }

  async #insertAgain(record: AuditRecord): Promise<void> {
    try {
      await this.deps.insert(record);
    } catch (error) {
      // The first try stored it, and its response was lost.
      if (isDuplicateKey(error)) return;
      this.#unstored.push(record);
      this.#schedule();
      throw error;
    }
  }

  async #write(windows: readonly Window[]): Promise<void> {
    const written = windows.map((window) => ({ window, count: window.pending }));
    for (const { window } of written) window.pending = 0;
    try {
      await bulkUpsert(
        this.deps.collections.auditEvents,
        written.map(({ window: { record, lastAt }, count }) => {
          const { _id, ...fields } = record;
          const update = { $setOnInsert: fields, $inc: { count }, $max: { last_at: lastAt } };
          return { updateOne: { filter: { _id }, update, upsert: true } };
        }),
      );
    } catch (error) {
      for (const { window, count } of written) window.pending += count;
      this.#schedule();
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
