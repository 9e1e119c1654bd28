import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { headersOf } from './fault-world.js';

/** The number of submitters, and of claimers. */
const callers = 16;

const json = { 'content-type': 'application/json' };

/**
 * Submitters and claimers that send requests to several servers in turn without a pause, until `end()`. Records the
 * acknowledged jobs, the slowest response, and every response that is neither a success nor 503.
 */
export class FullLoad {
  readonly submitted: string[] = [];
  readonly claimed: string[] = [];
  readonly wrong: string[] = [];
  slowestMs = 0;
  /** The number of successful responses so far. */
  answered = 0;
  #ended = false;
  readonly #pools: readonly Pool[];
  readonly #loops: Promise<void>[];

  constructor(urls: readonly string[]) {
    this.#pools = urls.map((url) => new Pool(url, { connections: callers * 2, headersTimeout: 60_000 }));
    this.#loops = Array.from({ length: callers }, (_, n) => [
      this.#repeat(n, () => this.#submit(n)),
      this.#repeat(n, () => this.#claim(n)),
    ]).flat();
  }

  /** Counts the successful responses of the next second. */
  async countSecond(): Promise<number> {
    const before = this.answered;
    await wait(1000);
    return this.answered - before;
  }

  /** Stops sending, and waits for the requests in flight. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  /** Sends one claim. Returns whether caller `n` got a job. */
  async #claim(n: number): Promise<boolean> {
    const body = await this.#request(n, 'GET', '/v1/job?queue=q1', headersOf('agent', `agent-${n}`));
    if (body) this.claimed.push((JSON.parse(body) as { job_id: string }).job_id);
    return body !== undefined && body !== '';
  }

  /** Claims until no job waits. */
  async drain(): Promise<void> {
    const claimAll = async (_: unknown, n: number) => {
      while (await this.#claim(n));
    };
    await Promise.all(Array.from({ length: callers }, claimAll));
  }

  async #submit(n: number): Promise<void> {
    const body = await this.#request(n, 'POST', '/v1/job', json, '{"job_queue":"q1"}');
    if (body) this.submitted.push((JSON.parse(body) as { job_id: string }).job_id);
  }

  async #repeat(n: number, once: () => Promise<unknown>): Promise<void> {
    while (!this.#ended) {
      await once();
      // Leave time for the other processes on the machine's two cores.
      await wait(n % 4);
    }
  }

  /** Sends a request. Returns the body of a successful response, or `undefined` for 503. */
  async #request(
    n: number,
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: string,
  ) {
    const started = performance.now();
    const pool = this.#pools[(this.answered + n) % this.#pools.length] as Pool;
    try {
      const answer = await pool.request({ method, path, headers, ...(body !== undefined && { body }) });
      const text = await answer.body.text();
      if ([200, 204].includes(answer.statusCode)) {
        this.answered += 1;
        return text;
      }
      if (answer.statusCode === 503) await wait(100);
      else this.wrong.push(`${method} ${path}: ${answer.statusCode} ${text}`);
    } catch (error) {
      this.wrong.push(`${method} ${path}: ${error as Error}`);
    } finally {
      this.slowestMs = Math.max(this.slowestMs, performance.now() - started);
    }
    return undefined;
  }
}
