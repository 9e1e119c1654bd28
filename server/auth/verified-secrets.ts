import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const pairTtlMs = 5 * 60_000;
const maxPairs = 10_000;

/**
 * Caches the pairs of stored hash and secret that bcrypt found equal, for 5 minutes and in memory only. The cache stores
 * an HMAC of each pair, with this process's own random key; after a secret changes, its old pair no longer matches.
 */
export class VerifiedSecrets {
  readonly #key = randomBytes(32);
  readonly #pairs = new LRUCache<string, true>({ max: maxPairs, ttl: pairTtlMs });

  has(hash: string, secret: string): boolean {
    return this.#pairs.get(this.#digest(hash, secret)) === true;
  }

  add(hash: string, secret: string): void {
    this.#pairs.set(this.#digest(hash, secret), true);
  }

  #digest(hash: string, secret: string): string {
    return createHmac('sha256', this.#key).update(hash).update('\0').update(secret).digest('base64');
  }
}
