import { authErrors } from './errors.js';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hashSync, truncates } from 'bcryptjs';
import { Piscina } from 'piscina';
import { ApiError } from '../errors/api-error.js';

/** Tasks that may wait for a worker; at cost 10 that is some four seconds of one core. */
export const queueLimit = 64;

/** Told of each compare: `absent` is one against a hash that belongs to nobody. */
export type CompareKind = 'record' | 'absent';

/** bcrypt in worker threads with a bounded queue: the event loop never computes a hash. */
export class BcryptPool {
  #started: Piscina | undefined;
  readonly #absentHash: string;
  #absentPending = 0;

  /**
   * @param cost of new hashes, and of the hash that stands in for clients that have none
   * @param onCompare is told of every compare that is dispatched
   */
  constructor(
    readonly cost: number,
    private readonly onCompare: (kind: CompareKind, cost: number) => void = () => undefined,
  ) {
    // Its secret is thrown away; the salt of cost 4 is rewritten to the wanted cost, since nothing can match it anyway.
    this.#absentHash = hashSync(crypto.randomUUID(), 4).replace('$04$', `$${String(cost).padStart(2, '0')}$`);
  }

  /** Whether `secret`, and no other that bcrypt takes for it, is the one of `hash`. @throws ApiError 503 when the queue is full. */
  async compare(secret: string, hash: string): Promise<boolean> {
    const equal = this.#run({ secret, hash }, () => this.onCompare('record', readCost(hash)));
    // A secret that bcrypt cannot tell from another one is refused after the compare, like any wrong one.
    return ((await equal) as boolean) && !isAmbiguousSecret(secret);
  }

  /**
   * One compare whose outcome is no: it takes the time that a client's own would take.
   * Such compares get half of the queue at most, so that guesses of ids cannot shut out the clients there are.
   * @throws ApiError 503 when that half is full.
   */
  async compareAbsent(secret: string): Promise<void> {
    if (this.#absentPending >= queueLimit / 2) throw tooManyLogins();
    this.#absentPending += 1;
    try {
      await this.#run({ secret, hash: this.#absentHash }, () => this.onCompare('absent', this.cost));
    } finally {
      this.#absentPending -= 1;
    }
  }

  /** A new hash of the configured cost. @throws ApiError 503 when the queue is full. */
  async hash(secret: string): Promise<string> {
    return (await this.#run({ secret, cost: this.cost })) as string;
  }

  /** Tasks that wait for a worker. */
  get waiting(): number {
    return this.#started?.queueSize ?? 0;
  }

  async close(): Promise<void> {
    await this.#started?.close({ force: true });
  }

  /** Starts at the first hash, and then keeps a worker: a process that meets no secret starts no thread. */
  get #pool(): Piscina {
    return (this.#started ??= new Piscina({
      filename: fileURLToPath(new URL(`./bcrypt-worker${extension}`, import.meta.url)),
      minThreads: 1,
      maxThreads: availableParallelism(),
      maxQueue: queueLimit,
      idleTimeout: 60_000,
    }));
  }

  async #run(task: object, onDispatch: () => void = () => undefined): Promise<unknown> {
    if (this.#pool.queueSize >= queueLimit) throw tooManyLogins();
    onDispatch();
    return this.#pool.run(task);
  }
}

// Tests run the source, the server its compiled form: the worker is whichever stands beside this file.
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** The answer to a login that can be tried again in a second. */
export function tooManyLogins(): ApiError {
  return new ApiError(authErrors.busy, { headers: { 'Retry-After': '1' } });
}

/** Whether a stored text is a bcrypt hash that can be compared with (versions 2a, 2b, 2y; costs 4 to 31). */
export function isBcryptHash(text: unknown): text is string {
  return typeof text === 'string' && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(text);
}

/** The cost that a hash was made with. */
export function readCost(hash: string): number {
  return Number(hash.slice(4, 6));
}

/**
 * Whether bcrypt takes another secret for the same: it looks at the first 72 bytes only, and a NUL lets a secret
 * that is repeated (`a\0a`) pass for the secret itself.
 */
export function isAmbiguousSecret(secret: string): boolean {
  return truncates(secret) || secret.includes('\0');
}
