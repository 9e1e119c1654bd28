import type { Db } from 'mongodb';
import type { Clock } from '../core/clock.js';

const measureIntervalMs = 60_000;

/**
 * This process's clock corrected by its offset to the database's, so that times of several hosts compare.
 * The offset is measured by `measure()` and then once a minute until `stop()`.
 */
export class DatabaseClock implements Clock {
  readonly inDatabase = '$$NOW';
  #offsetMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly db: Db) {}

  now(): Date {
    return new Date(Date.now() + this.#offsetMs);
  }

  /** @throws MongoError when the database does not answer. */
  async measure(): Promise<void> {
    const sent = Date.now();
    const hello = await this.db.admin().command({ hello: 1 });
    const received = Date.now();
    this.#offsetMs = (hello.localTime as Date).getTime() - (sent + received) / 2;
  }

  /** Measures now, and again each minute. @throws MongoError when the database does not answer. */
  async start(): Promise<void> {
    // A missed measurement leaves the last offset, which is as good for another minute.
    this.#timer ??= setInterval(() => void this.measure().catch(() => undefined), measureIntervalMs).unref();
    await this.measure();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
