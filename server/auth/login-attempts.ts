import { createHash } from 'node:crypto';
import type { MongoClient } from 'mongodb';
import { RateLimiterMemory, RateLimiterMongo, type RateLimiterRes } from 'rate-limiter-flexible';
import { ApiError } from '../http/errors.js';

const hourSeconds = 3600;
/** Failed logins an hour for one client from one address. */
export const failuresPerPair = 100;
/** Failed logins an hour from one address, whatever the clients. */
export const failuresPerAddress = 1000;

/**
 * Counts failed logins in MongoDB, for all processes together. Keys are digests, so that the counters tell
 * neither ids nor addresses; while MongoDB fails, each process counts by itself.
 */
export class LoginAttempts {
  readonly #limiters: readonly {
    limiter: RateLimiterMongo;
    key: (clientId: string, source: string) => string;
  }[];

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
    this.#limiters = [
      { limiter: make('pair', failuresPerPair), key: (clientId, source) => digest(`${source}\0${clientId}`) },
      { limiter: make('address', failuresPerAddress), key: (_, source) => digest(source) },
    ];
  }

  /** @throws ApiError 429 with `Retry-After` when either counter is used up. */
  async check(clientId: string, source: string): Promise<void> {
    const counts = await Promise.all(
      this.#limiters.map(({ limiter, key }) => limiter.get(key(clientId, source))),
    );
    const full = counts.filter((count) => count !== null && count.remainingPoints <= 0) as RateLimiterRes[];
    if (full.length === 0) return;
    const seconds = Math.max(1, ...full.map((count) => Math.ceil(count.msBeforeNext / 1000)));
    throw new ApiError('too_many_attempts', { headers: { 'Retry-After': String(seconds) } });
  }

  /** Counts one failure against the pair and the address. */
  async fail(clientId: string, source: string): Promise<void> {
    await Promise.all(this.#limiters.map(({ limiter, key }) => limiter.penalty(key(clientId, source))));
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
