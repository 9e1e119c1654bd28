import { setTimeout as sleep } from 'node:timers/promises';
import { tooManyLogins } from './bcrypt-pool.js';
import type { LoginOrigin } from './login-prefixes.js';

/** Milliseconds that each slow login waits before it runs. */
export const slowLoginMs = 2000;

/** Maximum number of slow logins of one client and address at a time: a request has 9 seconds. */
const maxWaiting = 3;

/** Runs logins of one client from one address one after the other, each after a pause. */
export class SlowLogins {
  readonly #last = new Map<string, { waiting: number; end: Promise<unknown> }>();

  /** @throws ApiError 503 when three logins of the client from the address wait */
  async run<T>({ clientId, source }: LoginOrigin, login: () => Promise<T>): Promise<T> {
    const key = `${source}\0${clientId}`;
    const { waiting, end } = this.#last.get(key) ?? { waiting: 0, end: Promise.resolve() };
    if (waiting >= maxWaiting) throw tooManyLogins();
    const turn = end.then(() => sleep(slowLoginMs)).then(login);
    this.#last.set(key, { waiting: waiting + 1, end: turn.catch(() => undefined) });
    try {
      return await turn;
    } finally {
      const now = this.#last.get(key);
      if (now !== undefined && now.waiting > 1) now.waiting -= 1;
      else this.#last.delete(key);
    }
  }
}
