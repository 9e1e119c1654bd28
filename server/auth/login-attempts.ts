import type { Collection, MongoClient } from 'mongodb';
import { RateLimiterMemory, RateLimiterMongo, type RateLimiterRes } from 'rate-limiter-flexible';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import { tooManyLogins } from './bcrypt-pool.js';
import { authErrors } from './errors.js';
import { type LoginOrigin, type LoginPrefixes, presentPrefix } from './login-prefixes.js';
import { SlowLogins } from './slow-logins.js';

const hourSeconds = 3600;
/** Maximum failed logins per hour for one client from one address. */
export const maxFailuresPerPair = 100;
/** Maximum failed logins per hour from one address, for all clients together. */
export const maxFailuresPerAddress = 1000;
/** Maximum failed logins per hour for one client, from all addresses together. */
export const maxFailuresPerClient = 100;
/** Maximum failed logins per hour from one network, a /24 of IPv4 or a /48 of IPv6, for all clients together. */
export const maxFailuresPerPrefix = 3000;

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
 *
 * The limits never refuse a client on a network from which it has logged in: somebody else's failures would lock it out.
 * Its logins beyond a limit are slow instead.
 */
export class LoginAttempts {
  readonly #counters: readonly Counter[];
  readonly #inProgress = new Map<string, number>();
  readonly #slowLogins = new SlowLogins();

  constructor(
    client: MongoClient,
    { dbName, collectionName: tableName }: Collection,
    private readonly prefixes: LoginPrefixes,
  ) {
    const count = (
      keyPrefix: string,
      points: number,
      partsOf: (origin: LoginOrigin) => string[],
    ): Counter => ({
      points,
      key: (origin) => sha256(partsOf(origin).join('\0'), 'base64url'),
      limiter: new RateLimiterMongo({
        storeClient: client,
        dbName,
        tableName,
        disableIndexesCreation: true,
        keyPrefix,
        points,
        duration: hourSeconds,
        insuranceLimiter: new RateLimiterMemory({ keyPrefix, points, duration: hourSeconds }),
      }),
    });
    this.#counters = [
      count('pair', maxFailuresPerPair, ({ source, clientId }) => [source, clientId]),
      count('address', maxFailuresPerAddress, ({ source }) => [source]),
      count('client', maxFailuresPerClient, ({ clientId }) => [clientId]),
      count('prefix', maxFailuresPerPrefix, ({ source }) => [presentPrefix(source)]),
    ];
  }

  /**
   * Runs a login that can fail, and counts it as in progress meanwhile. Beyond a limit, it runs slowly for a client that has
   * logged in from the same network before.
   * @throws ApiError 429 with `Retry-After` when a counter is at its limit, 503 when logins in progress could bring it
   * there
   */
  async runCounted<T>(origin: LoginOrigin, run: () => Promise<T>): Promise<T> {
    const keys = this.#counters.map(({ key }) => key(origin));
    // Before the counters are read, so that a login that ends in between is in one of the two numbers at least.
    const inProgress = keys.map((key) => this.#addInProgress(key, 1));
    try {
      const refusal = await this.#findRefusal(keys, inProgress);
      if (refusal === undefined) return await run();
      if (!(await this.prefixes.isKnown(origin))) throw refusal;
      return await this.#slowLogins.run(origin, run);
    } finally {
      for (const key of keys) this.#addInProgress(key, -1);
    }
  }

  /** Adds one failure to each counter. */
  async countFailure(origin: LoginOrigin): Promise<void> {
    await Promise.all(this.#counters.map(({ limiter, key }) => limiter.penalty(key(origin))));
  }

  /** Returns the error for a login beyond a limit. */
  async #findRefusal(keys: readonly string[], inProgress: readonly number[]): Promise<ApiError | undefined> {
    const counts = await Promise.all(this.#counters.map(({ limiter }, i) => limiter.get(keys[i] as string)));
    const full = counts.filter(
      (count): count is RateLimiterRes => count !== null && count.remainingPoints <= 0,
    );
    if (full.length > 0) {
      const seconds = Math.max(1, ...full.map((count) => Math.ceil(count.msBeforeNext / 1000)));
      return new ApiError(authErrors.tooManyAttempts, { headers: { 'Retry-After': String(seconds) } });
    }
    const left = counts.map((count, i) => count?.remainingPoints ?? (this.#counters[i] as Counter).points);
    return left.some((points, i) => (inProgress[i] as number) > points) ? tooManyLogins() : undefined;
  }

  /** Changes the number of logins in progress for a key, and returns the new number. */
  #addInProgress(key: string, change: 1 | -1): number {
    const count = (this.#inProgress.get(key) ?? 0) + change;
    if (count === 0) this.#inProgress.delete(key);
    else this.#inProgress.set(key, count);
    return count;
  }
}
