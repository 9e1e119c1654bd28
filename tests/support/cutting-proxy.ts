import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { SeededRandom } from './seeded-random.js';
import type { Owner } from './server-process.js';

/** Where a connection is cut: nothing of the request gets through, a part of it, or all of it and not the whole answer. */
export const cutPlaces = ['before', 'within', 'after'] as const;
type CutPlace = (typeof cutPlaces)[number];

/** What a proxy is given. */
export interface CuttingProxyOptions {
  random: SeededRandom;
  /** The ports of the servers on this host; asked for each connection, since servers come back on other ports. */
  listPorts: () => readonly number[];
  /** Of all requests, how many are cut. */
  probability: number;
}

/** A proxy before several servers, in turn over those that accept, that cuts connections at random. */
export class CuttingProxy {
  readonly cuts: Record<CutPlace, number> = { before: 0, within: 0, after: 0 };
  /** Requests that came; one that is sent before the last one's answer counts with it. */
  requests = 0;
  /** Whether it cuts. */
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

  /** Passes bytes both ways; each request's fate is drawn when its first bytes come. */
  #join(client: Socket, server: Socket): void {
    let isAsking = false;
    let place: CutPlace | undefined;
    let isCut = false;
    const cut = () => {
      if (place !== undefined) this.cuts[place] += 1;
      const { random } = this.options;
      // A reset or an orderly end: a client sees another error for each.
      for (const socket of [client, server]) {
        if (random.chance(0.5)) socket.resetAndDestroy();
        else socket.destroy();
      }
    };
    client.on('data', (part: Buffer) => {
      if (isCut) return undefined;
      if (!isAsking) place = this.#draw();
      isAsking = true;
      isCut = place === 'before' || place === 'within';
      if (place === 'before') return cut();
      if (place !== 'within') return pass(part, client, server);
      server.write(this.#startOf(part), cut);
      return undefined;
    });
    server.on('data', (part: Buffer) => {
      if (isCut) return undefined;
      isAsking = false;
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
    // Drawn even when nothing is cut, so that what follows is the same.
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
