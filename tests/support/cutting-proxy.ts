import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { SeededRandom } from './seeded-random.js';
import type { Owner } from './server-process.js';

/** Where a connection is cut: before any byte of the request, within the request, or within the response. */
export const cutPlaces = ['before', 'within', 'after'] as const;
type CutPlace = (typeof cutPlaces)[number];

/** The options of a `CuttingProxy`. */
export interface CuttingProxyOptions {
  random: SeededRandom;
  /**
   * Lists the ports of the servers on this host. Called for each connection, since restarted servers use other ports.
   */
  listPorts: () => readonly number[];
  /** The probability that a request is cut. */
  probability: number;
}

/** A round-robin proxy in front of several servers that cuts connections at random. It skips servers that refuse. */
export class CuttingProxy {
  readonly cuts: Record<CutPlace, number> = { before: 0, within: 0, after: 0 };
  /** The number of requests. A request sent before the response to the last one counts as part of that one. */
  requests = 0;
  /** Whether the proxy cuts connections now. */
  cutting = true;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #turn = 0;

  private constructor(readonly options: CuttingProxyOptions) {
    this.#server = createServer((client) => void this.#serve(client));
  }

  static async start(t: Owner, options: CuttingProxyOptions): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(options);
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done));
    t.teardown(() => proxy.#stop());
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #stop(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(client: Socket): Promise<void> {
    this.#sockets.add(client);
    client.once('close', () => this.#sockets.delete(client));
    client.on('error', () => undefined).pause();
    const server = await this.#connect();
    if (server === undefined || client.destroyed) {
      server?.destroy();
      client.destroy();
      return;
    }
    this.#sockets.add(server);
    server.once('close', () => {
      this.#sockets.delete(server);
      client.destroy();
    });
    server.on('error', () => undefined);
    client.once('close', () => server.destroy());
    this.#join(client, server);
  }

  async #connect(): Promise<Socket | undefined> {
    const ports = this.options.listPorts();
    const first = this.#turn++;
    for (let n = 0; n < ports.length; n += 1) {
      const socket = await open(ports[(first + n) % ports.length] as number);
      if (socket !== undefined) return socket;
    }
    return undefined;
  }

  /** Passes bytes both ways. Whether and where a request is cut is decided when its first bytes arrive. */
  #join(client: Socket, server: Socket): void {
    let isRequesting = false;
    let place: CutPlace | undefined;
    let isCut = false;
    const cut = () => {
      if (place !== undefined) this.cuts[place] += 1;
      const { random } = this.options;
      // Either a reset or an orderly close: clients see a different error for each.
      for (const socket of [client, server]) {
        if (random.chance(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      }
    };
    client.on('data', (part: Buffer) => {
      if (isCut) return undefined;
      if (!isRequesting) place = this.#draw();
      isRequesting = true;
      isCut = place === 'before' || place === 'within';
      if (place === 'before') return cut();
      if (place !== 'within') return pass(part, client, server);
      server.write(this.#startOf(part), cut);
      return undefined;
    });
    server.on('data', (part: Buffer) => {
      if (isCut) return undefined;
      isRequesting = false;
      isCut = place === 'after';
      if (place !== 'after') return pass(part, server, client);
      client.write(this.#startOf(part), cut);
      return undefined;
    });
    client.resume();
  }

  #draw(): CutPlace | undefined {
    this.requests += 1;
    const { random, probability } = this.options;
    // Draw even when nothing is cut, so that the random numbers after this one stay the same.
    const drawn = random.chance(probability) ? random.pick(cutPlaces) : undefined;
    return this.cutting ? drawn : undefined;
  }

  #startOf(part: Buffer): Buffer {
    return part.subarray(0, this.options.random.integer(0, part.length - 1));
  }
}

function pass(part: Buffer, from: Socket, to: Socket): void {
  if (to.write(part)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

function open(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket)).once('error', () => resolve(undefined));
  });
}
