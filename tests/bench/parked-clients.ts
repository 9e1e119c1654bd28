import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What a waiting claim was answered with, and when by `performance.now()`. */
export interface Woken {
  queue: string;
  status: number;
  at: number;
}

/** A claim on a connection of its own, as plain bytes: thousands of them leave the load's own process idle. */
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
    const lines = Object.entries({ host: 'bench', prefer: 'wait=60', ...headers }).map(
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

  /** Asks, and resolves with the answer: 200, 204 when the time is over, 0 when the connection broke. */
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

/** Milliseconds that a client is busy with its job. */
export const jobMs = 2000;

/** Clients that ask again whenever their time is over, and after each job. */
export class ParkedClients {
  readonly #clients: ParkedClient[] = [];
  #isClosed = false;

  constructor(private readonly onJob: (woken: Woken) => void) {}

  /** Opens one client for each of `queues` at a server, some at a time, and leaves all of them waiting. */
  async park(url: string, queues: readonly string[], headers: (n: number) => Record<string, string>) {
    for (let n = 0; n < queues.length; n += 100) {
      const opened = await Promise.all(
        queues.slice(n, n + 100).map((queue, i) => ParkedClient.open(url, queue, headers(n + i))),
      );
      this.#clients.push(...opened);
      for (const client of opened) void this.#keepAsking(client);
      // The server's list of connections that it has not accepted yet is short.
      await wait(5);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients) client.close();
  }

  async #keepAsking(client: ParkedClient): Promise<void> {
    while (!this.#isClosed) {
      const woken = await client.ask();
      if (woken.status === 0 && !this.#isClosed) throw new Error('a waiting connection broke');
      if (woken.status !== 200) continue;
      this.onJob(woken);
      await wait(jobMs);
    }
  }
}
