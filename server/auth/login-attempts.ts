import { authErrors } from './errors.js';
import type { MongoClient } from 'mongodb';
import { RateLimiterMemory, RateLimiterMongo, type RateLimiterRes } from 'rate-limiter-flexible';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import { tooManyLogins } from './bcrypt-pool.js';

const hourSeconds = 3600;
/** Failed logins an hour for one client from one address. */
export const failuresPerPair = 100;
/** Failed logins an hour from one address, whatever the clients. */
export const failuresPerAddress = 1000;

/** What a login is counted by. */
export interface LoginOrigin {
  clientId: string;
  source: string;
}

interface Counter {
  limiter: RateLimiterMongo;
  points: number;
  /** What is counted together. */
  key(origin: LoginOrigin): string;
}

/**
 * Counts failed logins in MongoDB, for all processes together. Keys are digests, so that the counters tell
 * neither ids nor addresses; while MongoDB fails, each process counts by itself.
 *
 * A login under way counts as a failure until it has ended, so that a burst gets no more guesses than the limit.
 * Each process knows of its own only: several together can exceed it by what their bcrypt queues hold.
 */
export class LoginAttempts {
  readonly #counters: readonly Counter[];
  readonly #underWay = new Map<string, number>();

  constructor(client: MongoClient, dbName: string, tableName: string) {
    const make = (keyPrefix: string, points: number) =>
      new RateLimiterMongo({
        storeClient: client,
        dbName,
        tableName,
        disableIndexesCreation: true,
        keyPrefix,
        points,
        duration: hourSeconds,
        insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: hourSeconds }),
      });
    this.#counters = [
      {
        limiter: make('pair', failuresPerPair),
        points: failuresPerPair,
        key: ({ clientId, source }) => sha256(`${source}\0${clientId}`, 'base64url'),
      },
      {
        limiter: make('address', failuresPerAddress),
        points: failuresPerAddress,
        key: ({ source }) => sha256(source, 'base64url'),
      },
    ];
  }

  /**
   * Runs a login that may fail, and counts it as under way meanwhile.
   * @throws ApiError 429 with `Retry-After` when a counter is used up, 503 while logins under way could use it up.
   */
  async during<T>(origin: LoginOrigin, run: () => Promise<T>): Promise<T> {
    // Taken before the counters are read: what ends in between is in their numbers already, or in these.
    const seen = this.#counters.map(({ key }) => this.#addUnderWay(key(origin), 1));
    try {
      await this.#check(origin, seen);
      return await run();
    } finally {
      for (const { key } of this.#counters) this.#addUnderWay(key(origin), -1);
    }
  }

  /** Counts one failure against the pair and the address. */
  async fail(origin: LoginOrigin): Promise<void> {
    await Promise.all(this.#counters.map(({ limiter, key }) => limiter.penalty(key(origin))));
  }

  async #check(origin: LoginOrigin, seen: readonly number[]): Promise<void> {
    const counts = await Promise.all(this.#counters.map(({ limiter, key }) => limiter.get(key(origin))));
    const full = counts.filter(
      (count): count is RateLimiterRes => count !== null && count.remainingPoints <= 0,
    );
    if (full.length > 0) {
      const seconds = Math.max(1, ...full.map((count) => Math.ceil(count.msBeforeNext / 1000)));
      throw new ApiError(authErrors.tooManyAttempts, { headers: { 'Retry-After': String(seconds) } });
    }
    const left = counts.map((count, i) => count?.remainingPoints ?? (this.#counters[i] as Counter).points);
    if (left.some((points, i) => (seen[i] as number) > points)) throw tooManyLogins();
  }

  /** The number of logins under way after the change. */
  #addUnderWay(key: string, change: 1 | -1): number {
    const count = (this.#underWay.get(key) ?? 0) + change;
    if (count === 0) this.#underWay.delete(key);
    else this.#underWay.set(key, count);
    return count;
  }
}
