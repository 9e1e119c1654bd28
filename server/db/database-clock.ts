import type { Db } from 'mongodb';
import type { Clock } from '../core/clock.js';

const measureIntervalMs = 60_000;

/**
 * This process's clock, corrected by its offset from the database's clock, so that times from several hosts can be
 * compared. `start()` measures the offset at once and then once a minute until `stop()`.
 */
export class DatabaseClock implements Clock {
  readonly inDatabase = '$$NOW';
  #offsetMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly db: Db) {}

  now(): Date {
    return new Date(Date.now() + this.#offsetMs);
  }

  /** Measures the offset. @throws MongoError if the database does not respond */
  async measure(): Promise<void> {
    const sent = Date.now();
    const hello = await this.db.admin().command({ hello: 1 });
    const received = Date.now();
    this.#offsetMs = (hello.localTime as Date).getTime() - (sent + received) / 2;
  }

  /** Measures the offset now and once a minute. @throws MongoError if the database does not respond */
  async start(): Promise<void> {
    // After a failed measurement the last offset is good enough for another minute.
    this.#timer ??= setInterval(() => void this.measure().catch(() => undefined), measureIntervalMs).unref();
    await this.measure();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
