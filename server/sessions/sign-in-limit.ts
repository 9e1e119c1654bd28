import type { Collection, MongoClient } from 'mongodb';
import { RateLimiterMemory, RateLimiterMongo, type RateLimiterRes } from 'rate-limiter-flexible';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import { sessionErrors } from './errors.js';

/** Sign-ins that one address may begin in a minute. Each makes a record, and a request to the provider. */
export const maxSignInsPerMinute = 100;

/** Counts the sign-ins that each address begins, for all processes together; while MongoDB fails, each process on its own. */
export class SignInLimit {
  readonly #limiter: RateLimiterMongo;

  /** @param collection the counters of failed logins, which this shares */
  constructor(client: MongoClient, { dbName, collectionName: tableName }: Collection) {
    const shared = { keyPrefix: 'sign-in', points: maxSignInsPerMinute, duration: 60 };
    this.#limiter = new RateLimiterMongo({
      ...shared,
      storeClient: client,
      dbName,
      tableName,
      disableIndexesCreation: true,
      insuranceLimiter: new RateLimiterMemory(shared),
    });
  }

  /** Counts a sign-in. @throws ApiError 429 with `Retry-After` when the address has begun too many */
  async count(source: string): Promise<void> {
    try {
      await this.#limiter.consume(sha256(source, 'base64url'));
    } catch (refusal) {
      if (refusal instanceof Error) throw refusal;
      const seconds = Math.max(1, Math.ceil((refusal as RateLimiterRes).msBeforeNext / 1000));
      throw new ApiError(sessionErrors.tooManySignIns, { headers: { 'Retry-After': String(seconds) } });
    }
  }
}
