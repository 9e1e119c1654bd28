import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { hashSync, truncates } from 'bcryptjs';
import { Piscina } from 'piscina';
import { ApiError } from '../errors/api-error.js';
import type { BcryptTask } from './bcrypt-task.js';
import { authErrors } from './errors.js';

/** Maximum number of tasks that wait for a worker, if they are cheap. */
export const queueLimit = 64;

/**
 * Maximum work of the tasks that wait or run; the unit is 2^cost. It takes one core about four seconds: less than the time
 * limit of a request, whatever the costs of the stored hashes are.
 */
const maxWork = 64 * 2 ** 10;

/** What a compare used: a stored hash, or a dummy hash that belongs to no client. */
export type CompareKind = 'record' | 'dummy';

/** Minimum cost of a bcrypt hash. */
const minCost = 4;

/**
 * Maximum cost of a dummy hash, unless new hashes cost more: 16 times the time of the default cost, which a request can
 * wait for.
 */
const maxDummyCost = 14;

/** Runs bcrypt in worker threads with a bounded queue, so that the event loop never computes a hash. */
export class BcryptPool {
  #started: Piscina | undefined;
  readonly #dummyHash: string;
  #work = 0;

  /**
   * @param cost the cost of new hashes
   * @param onCompare called for every compare that is sent to a worker, with the cost that a wrong secret takes
   */
  constructor(
    readonly cost: number,
    private readonly onCompare: (kind: CompareKind, cost: number) => void = () => undefined,
  ) {
    this.#dummyHash = hashSync(crypto.randomUUID(), minCost);
  }

  /**
   * Returns whether `hash` is that of `secret`; `false` if bcrypt accepts other secrets for it too. For a wrong secret it
   * takes as long as a hash of the cost `asCost`, whatever the cost of `hash` and whether there is one.
   * @throws ApiError 503 when the queue is full
   */
  async compare(secret: string, hash: string | undefined, asCost: number = this.cost): Promise<boolean> {
    const shown = Math.min(asCost, Math.max(maxDummyCost, this.cost));
    const task: BcryptTask =
      hash === undefined
        ? { secret, hash: this.#dummyOf(shown), padding: [] }
        : {
            secret,
            hash,
            padding: listPaddingCosts(readCost(hash), shown).map((cost) => this.#dummyOf(cost)),
          };
    const cost = Math.max(shown, readCost(task.hash));
    const report = () => this.onCompare(hash === undefined ? 'dummy' : 'record', cost);
    // An ambiguous secret is refused after the compare, so that it takes as long as any wrong one.
    return (
      ((await this.#run(task, cost, report)) as boolean) && hash !== undefined && !isAmbiguousSecret(secret)
    );
  }

  /** Returns a hash that no secret needs to match, so that its cost can be written into the text. */
  #dummyOf(cost: number): string {
    return this.#dummyHash.replace(/^(\$..\$)\d\d/, `$1${String(cost).padStart(2, '0')}`);
  }

  /** Hashes a secret at the configured cost. @throws ApiError 503 when the queue is full */
  async hash(secret: string): Promise<string> {
    return (await this.#run({ secret, cost: this.cost }, this.cost)) as string;
  }

  /** The number of tasks that wait for a worker. */
  get waiting(): number {
    return this.#started?.queueSize ?? 0;
  }

  async close(): Promise<void> {
    await this.#started?.close({ force: true });
  }

  /** Starts at the first task and then keeps one worker, so that a process without bcrypt tasks starts no thread. */
  get #pool(): Piscina {
    return (this.#started ??= new Piscina({
      filename: fileURLToPath(new URL(`./bcrypt-worker${extension}`, import.meta.url)),
      minThreads: 1,
      maxThreads: availableParallelism(),
      maxQueue: queueLimit,
      idleTimeout: 60_000,
    }));
  }

  async #run(task: BcryptTask, cost: number, onDispatch: () => void = () => undefined): Promise<unknown> {
    const { queueSize } = this.#pool;
    const work = 2 ** cost;
    if (queueSize >= queueLimit || (queueSize > 0 && this.#work + work > maxWork)) throw tooManyLogins();
    onDispatch();
    this.#work += work;
    try {
      return await this.#pool.run(task);
    } finally {
      this.#work -= work;
    }
  }
}

// Tests run the source and the server runs compiled files; the worker is the one beside this file.
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** Returns the 503 for a login that the client can try again in a second. */
export function tooManyLogins(): ApiError {
  return new ApiError(authErrors.busy, { headers: { 'Retry-After': '1' } });
}

/** Returns whether a stored value is a bcrypt hash that the pool can compare (versions 2a, 2b, 2y; costs 4 to 31). */
export function isBcryptHash(text: unknown): text is string {
  return typeof text === 'string' && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(text);
}

/**
 * Lists the costs of hashes that take, together with one of cost `cost`, as long as one of cost `asCost`: each step of a
 * bcrypt cost doubles the time.
 */
export function listPaddingCosts(cost: number, asCost: number): number[] {
  return Array.from({ length: Math.max(0, asCost - cost) }, (_, step) => cost + step);
}

/** Reads the cost of a bcrypt hash. */
export function readCost(hash: string): number {
  return Number(hash.slice(4, 6));
}

/**
 * Returns whether bcrypt would accept another secret for this one's hash: bcrypt reads only the first 72 bytes, and with
 * a NUL a repeated secret (`a\0a`) matches the secret itself.
 */
export function isAmbiguousSecret(secret: string): boolean {
  return truncates(secret) || secret.includes('\0');
}
