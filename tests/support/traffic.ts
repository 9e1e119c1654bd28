import { setTimeout as wait } from 'node:timers/promises';
import { jsonBody } from './clients.js';
import { waitUntil } from './own-mongod.js';
import type { ServerProcess } from './server-process.js';

/** The number of clients of each kind. */
const loops = 4;

/**
 * Clients of every kind that send requests without a pause until `end()`. Records the acknowledged jobs and each wrong
 * response, which is any response but a success or a well-formed 503. `livez` must always be 200.
 */
export class Traffic {
  readonly submitted: string[] = [];
  readonly claimed: string[] = [];
  readonly wrong: string[] = [];
  readonly counts: Record<string, number> = {};
  slowestMs = 0;
  #ended = false;
  readonly #loops: Promise<void>[];

  constructor(
    readonly server: ServerProcess,
    { agentToken, clientKey }: { agentToken: string; clientKey: string },
  ) {
    this.#loops = Array.from({ length: loops }, () => [
      this.#repeat(async () => {
        const answer = await this.#request('submit', [200], '/v1/job', jsonBody({ job_queue: 'q1' }));
        if (answer) this.submitted.push((JSON.parse(answer) as { job_id: string }).job_id);
      }),
      this.#repeat(async () => {
        const headers = { authorization: `Bearer ${agentToken}`, cookie: 'agent_name=agent-1' };
        const answer = await this.#request('claim', [200, 204], '/v1/job?queue=q1', { headers });
        if (answer) this.claimed.push((JSON.parse(answer) as { job_id: string }).job_id);
      }),
      this.#repeat(async () => {
        const headers = { 'client-key': clientKey };
        await this.#request('token', [200], '/v1/authenticate/token/lab-ci', { headers });
      }),
      this.#repeat(async () => {
        const last = this.submitted.at(-1);
        if (last) await this.#request('job', [200], `/v1/job/${last}`);
      }),
      this.#repeat(async () => void (await this.#request('readyz', [200], '/readyz'))),
      this.#repeat(async () => {
        const { status } = await this.server.request('/livez');
        if (status !== 200) this.wrong.push(`livez: ${status}`);
      }),
    ]).flat();
  }

  /** Stops sending, and waits for the requests in flight. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#loops);
  }

  async #repeat(once: () => Promise<void>): Promise<void> {
    while (!this.#ended) {
      try {
        await once();
      } catch (error) {
        this.wrong.push(`${error as Error}`);
      }
      await wait(20);
    }
  }

  /**
   * Sends a request and returns the body of a successful response. The only other correct response is a well-formed
   * 503.
   */
  async #request(
    kind: string,
    good: number[],
    path: string,
    init: RequestInit = {},
  ): Promise<string | undefined> {
    const started = performance.now();
    const response = await this.server.request(path, init);
    const text = await response.text();
    this.slowestMs = Math.max(this.slowestMs, performance.now() - started);
    const { status, headers } = response;
    const count = `${kind} ${status}`;
    this.counts[count] = (this.counts[count] ?? 0) + 1;
    if (good.includes(status)) return text;
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as { message?: string };
    const isUnavailable = status === 503 && headers.get('retry-after') === '1' && body.message;
    if (!isUnavailable) this.wrong.push(`${kind}: ${status} ${text}`);
    return undefined;
  }

  /** Waits until every kind of request gets one more response with `status`. */
  async untilAll(status: number): Promise<void> {
    const kinds = ['submit', 'claim', 'token', 'job', 'readyz'];
    const before = { ...this.counts };
    const isMore = (count: string) => (this.counts[count] ?? 0) > (before[count] ?? 0);
    await waitUntil(() =>
      kinds.every((kind) => isMore(`${kind} ${status}`) || (status === 200 && isMore(`${kind} 204`))),
    );
  }
}
