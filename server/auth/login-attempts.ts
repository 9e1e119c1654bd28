import type { MongoClient } from 'mongodb';
import { RateLimiterMemory, RateLimiterMongo, type RateLimiterRes } from 'rate-limiter-flexible';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import { tooManyLogins } from './bcrypt-pool.js';
import { authErrors } from './errors.js';

const hourSeconds = 3600;
/** Maximum failed logins per hour for one client from one address. */
export const maxFailuresPerPair = 100;
/** Maximum failed logins per hour from one address, for all clients together. */
export const maxFailuresPerAddress = 1000;

/** The client id and address by which a login is counted. */
export interface LoginOrigin {
  clientId: string;
  source: string;
}

interface Counter {
  limiter: RateLimiterMongo;
  points: number;
  /** Returns the key of the counter: logins with the same key are counted together. */
  key(origin: LoginOrigin): string;
}

/**
 * Counts failed logins in MongoDB, for all processes together. Keys are digests, so that the counters store neither
 * client ids nor addresses; while MongoDB fails, each process counts on its own.
 *
 * A login in progress counts as a failure until it ends, so that a burst of logins cannot exceed the limit. Each process
 * counts only its own logins in progress: several processes can exceed the limit by the length of their bcrypt queues.
 */
export class LoginAttempts {
  readonly #counters: readonly Counter[];
  readonly #inProgress = new Map<string, number>();

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
        limiter: make('pair', maxFailuresPerPair),
        points: maxFailuresPerPair,
        key: ({ clientId, source }) => sha256(`${source}\0${clientId}`, 'base64url'),
      },
      {
        limiter: make('address', maxFailuresPerAddress),
        points: maxFailuresPerAddress,
        key: ({ source }) => sha256(source, 'base64url'),
      },
    ];
  }

  /**
   * Runs a login that can fail, and counts it as in progress meanwhile.
   * @throws ApiError 429 with `Retry-After` when a counter is at its limit, 503 when logins in progress could bring it
   * there
   */
  async runCounted<T>(origin: LoginOrigin, run: () => Promise<T>): Promise<T> {
    // Before the counters are read, so that a login that ends in between is in one of the two numbers at least.
    const inProgress = this.#counters.map(({ key }) => this.#addInProgress(key(origin), 1));
    try {
      await this.#check(origin, inProgress);
      return await run();
    } finally {
      for (const { key } of this.#counters) this.#addInProgress(key(origin), -1);
    }
  }

  /** Adds one failure to the counters of the client and address, and of the address. */
  async countFailure(origin: LoginOrigin): Promise<void> {
    await Promise.all(this.#counters.map(({ limiter, key }) => limiter.penalty(key(origin))));
  }

  async #check(origin: LoginOrigin, inProgress: readonly number[]): Promise<void> {
    const counts = await Promise.all(this.#counters.map(({ limiter, key }) => limiter.get(key(origin))));
    const full = counts.filter(
      (count): count is RateLimiterRes => count !== null && count.remainingPoints <= 0,
    );
    if (full.length > 0) {
      const seconds = Math.max(1, ...full.map((count) => Math.ceil(count.msBeforeNext / 1000)));
      throw new ApiError(authErrors.tooManyAttempts, { headers: { 'Retry-After': String(seconds) } });
    }
    const left = counts.map((count, i) => count?.remainingPoints ?? (this.#counters[i] as Counter).points);
    if (left.some((points, i) => (inProgress[i] as number) > points)) throw tooManyLogins();
  }

  /** Changes the number of logins in progress for a key, and returns the new number. */
  #addInProgress(key: string, change: 1 | -1): number {
    const count = (this.#inProgress.get(key) ?? 0) + change;
    if (count === 0) this.#inProgress.delete(key);
    else this.#inProgress.set(key, count);
    return count;
  }
}
