import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const rememberMs = 5 * 60_000;
const rememberAtMost = 10_000;

/**
 * Pairs of stored hash and presented secret that bcrypt found equal, kept for 5 minutes in memory only.
 * The secret is kept as a digest under a key of this process; a changed hash is another pair.
 */
export class RememberedPairs {
  readonly #key = randomBytes(32);
  readonly #pairs = new LRUCache<string, true>({ max: rememberAtMost, ttl: rememberMs });

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
