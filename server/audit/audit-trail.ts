import type { Logger } from 'pino';
import type { AuditEvent } from '../core/audit.js';
import type { Clock } from '../core/clock.js';
import { classifyDatabaseError, isDuplicateKey } from '../db/classify-error.js';
import { makeRecord } from './audit-record.js';
import type { AuditCollections, AuditRecord } from './collections.js';
import { EventWindows } from './event-windows.js';

/**
 * Successes that machines repeat all the time: a pipeline that logs in, an agent that refreshes its token, and misuse that the
 * settings accept. Equal ones of an hour are one document with their number.
 */
const repeatedEvents: ReadonlySet<string> = new Set(['login', 'refresh', 'agent_binding', 'job_ownership']);

/** Milliseconds after which counts, and events that the database refused, are stored. */
const flushMs = 1000;

/** Single events that a process keeps while the database refuses them. */
const maxUnstored = 1000;

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
  readonly #windows: EventWindows;
  /** Single events that the database refused. */
  #unstored: AuditRecord[] = [];
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> = Promise.resolve();

  constructor(private readonly deps: TrailDeps) {
    this.#windows = new EventWindows(deps.collections);
  }

  /** Stores an event. Resolves at once for a refusal. @throws the error of the database, for a success that is not stored */
  async store(event: AuditEvent): Promise<void> {
    const { clock, config } = this.deps;
    const stamp = { at: clock.now(), days: config.auditDays };
    if (event.outcome === 'accepted' && !repeatedEvents.has(event.event))
      return this.#insert(makeRecord(event, stamp));
    this.#schedule();
    return this.#windows.count(event, stamp);
  }

  /** Stores what is still in memory, for the end of the process. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.flush();
    } catch (error) {
      this.deps.log.warn({ err: error }, 'the last audit events could not be stored');
    }
  }

  /** Stores what is in memory. @throws the error of the database; what could not be stored is kept */
  async flush(): Promise<void> {
    await this.#flushing;
    const unstored = this.#unstored;
    this.#unstored = [];
    const tries = await Promise.allSettled([
      this.#windows.flush(this.deps.clock.now()),
      ...unstored.map((record) => this.#insert(record)),
    ]);
    const failed = tries.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /**
   * Stores a single event. Unless MongoDB can never store it, it is tried again after a failure: its change has been made, and the caller may
   * not be able to repeat the request.
   */
  async #insert(record: AuditRecord): Promise<void> {
    try {
      await this.deps.insert(record);
    } catch (error) {
      // An earlier try stored it, and its response was lost.
      if (isDuplicateKey(error)) return;
      const failure = classifyDatabaseError(error);
      const isFinal = failure === 'too_large' || failure === 'other';
      if (!isFinal && this.#unstored.length < maxUnstored) this.#unstored.push(record);
      this.#schedule();
      throw error;
    }
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flushing = this.flush().catch((error: unknown) => {
        this.deps.log.warn({ err: error }, 'audit events are not stored yet: the next try is in a second');
        this.#schedule();
      });
    }, flushMs).unref();
  }
}
