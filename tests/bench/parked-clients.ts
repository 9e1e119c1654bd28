import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** The response to a waiting claim, and its time by `performance.now()`. */
export interface Woken {
  queue: string;
  status: number;
  at: number;
}

/** A claim on its own connection. It sends and reads plain bytes, so that thousands of them hardly load this process. */
export class ParkedClient {
  readonly #socket: Socket;
  readonly #request: string;
  #answer: ((woken: Woken) => void) | undefined;
  #received = '';

  private constructor(
    socket: Socket,
    readonly queue: string,
    headers: Record<string, string>,
  ) {
    this.#socket = socket;
    const lines = Object.entries({ host: '127.0.0.1', prefer: 'wait=60', ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.#request = `GET /v1/job?queue=${queue} HTTP/1.1\r\n${lines.join('')}\r\n`;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#end(0));
  }

  static async open(url: string, queue: string, headers: Record<string, string>): Promise<ParkedClient> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await new Promise<void>((done, failed) => socket.once('connect', done).once('error', failed));
    return new ParkedClient(socket, queue, headers);
  }

  /** Sends the claim and resolves with the response: 200, 204 after the wait, or 0 if the connection broke. */
  ask(): Promise<Woken> {
    this.#received = '';
    return new Promise((resolve) => {
      this.#answer = resolve;
      this.#socket.write(this.#request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const length = Number(/^content-length: (\d+)/im.exec(this.#received.slice(0, headEnd))?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    this.#end(Number(this.#received.slice(9, 12)));
  }

  #end(status: number): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.({ queue: this.queue, status, at: performance.now() });
  }
}

/** Milliseconds that a client works on a job. */
export const jobMs = 2000;

/** Clients that claim again after each wait and after each job. */
export class ParkedClients {
  readonly #clients: ParkedClient[] = [];
  #isClosed = false;

  constructor(private readonly onJob: (woken: Woken) => void) {}

  /** Opens one client for each of `queues` at a server, in groups, and starts their claims. */
  async park(url: string, queues: readonly string[], headers: (n: number) => Record<string, string>) {
    for (let n = 0; n < queues.length; n += 100) {
      const opened = await Promise.all(
        queues.slice(n, n + 100).map((queue, i) => ParkedClient.open(url, queue, headers(n + i))),
      );
      this.#clients.push(...opened);
      for (const client of opened) void this.#claimRepeatedly(client);
      // The server's backlog of connections is short.
      await wait(5);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients) client.close();
  }

  async #claimRepeatedly(client: ParkedClient): Promise<void> {
    while (!this.#isClosed) {
      const woken = await client.ask();
      if (woken.status === 0 && !this.#isClosed) throw new Error('a waiting connection broke');
      if (woken.status !== 200) continue;
      this.onJob(woken);
      await wait(jobMs);
    }
  }
}
