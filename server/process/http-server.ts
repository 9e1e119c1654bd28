import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { presentListenError, removeStaleSocket } from './listen-error.js';
import type { ListenAddress } from '../config/setting-types.js';

/** A server that listens, and its orderly end. */
export interface ListeningServer {
  /** Where it listens, as a person would type it. */
  url: string;
  server: Server;
  /**
   * Takes no new connections, lets requests in flight end for `seconds`, then cuts what is left.
   * @param endWaits lets requests that wait for something be answered
   */
  drain(seconds: number, endWaits?: () => void): Promise<void>;
}

/** Bytes of request headers: a pass with many queues is long. */
const maxHeaderSize = 64 * 1024;

/** Milliseconds that a connection without a byte is kept for its request when the server ends. */
const silentConnectionMs = 500;

/** Answers one request; what it returns is of no interest, since Koa answers its own errors. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** What can be set about it. */
export interface ListenOptions {
  /** Is told of a connection that could not be accepted, such as for want of file descriptors. */
  onError?: (error: Error) => void;
  /** Seconds that a connection without a request is kept; 0 ends it after its answer. */
  keepAliveSeconds?: number;
  /** Other processes listen on the same address, and another one looks after its socket file. */
  sharesAddress?: boolean;
}

/**
 * Listens on `address`.
 * @throws StartError with one clear line when the address is in use or not allowed
 */
export async function listen(
  handler: RequestHandler,
  address: ListenAddress,
  { onError = () => undefined, keepAliveSeconds = 75, sharesAddress = false }: ListenOptions = {},
): Promise<ListeningServer> {
  const traffic = new Traffic();
  // Of a request only the headers have a time here: an upload may take long (the limits of bodies are in http/body-time.ts).
  const times = { keepAliveTimeout: keepAliveSeconds * 1000, headersTimeout: 60_000, requestTimeout: 0 };
  const server = createServer({ maxHeaderSize, ...times }, (request, response) => {
    // To Node, 0 is no limit.
    if (keepAliveSeconds === 0) response.setHeader('Connection', 'close');
    traffic.add(response);
    void handler(request, response);
  });
  server.on('connection', (socket) => traffic.addConnection(socket));
  const socket = 'path' in address && !sharesAddress ? address.path : undefined;
  if (socket !== undefined) await removeStaleSocket(socket);
  await new Promise<void>((done, failed) => {
    const refuse = (error: NodeJS.ErrnoException) => failed(presentListenError(error, address));
    server.once('error', refuse);
    server.listen(address, () => {
      server.off('error', refuse).on('error', onError);
      done();
    });
  });
  return {
    url: presentUrl(server, address),
    server,
    async drain(seconds, endWaits) {
      if (socket !== undefined) await traffic.acceptPending(() => rmSync(socket, { force: true }));
      const closed = new Promise<void>((done) => server.close(() => done()));
      traffic.drain(server);
      endWaits?.();
      const deadline = setTimeout(() => server.closeAllConnections(), seconds * 1000);
      await closed;
      clearTimeout(deadline);
    },
  };
}

/** What is open, so that an orderly end waits for requests and not for connections. */
class Traffic {
  readonly #responses = new Set<ServerResponse>();
  readonly #connections = new Set<Socket>();
  #accepted = 0;
  #draining: Server | undefined;

  add(response: ServerResponse): void {
    if (this.#draining) response.setHeader('Connection', 'close');
    this.#responses.add(response);
    response.once('close', () => {
      this.#responses.delete(response);
      const server = this.#draining;
      // Node counts its connection as idle only after this event.
      if (server) setImmediate(() => server.closeIdleConnections());
    });
  }

  addConnection(socket: Socket): void {
    this.#accepted += 1;
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
  }

  /**
   * Accepts the connections that wait at a unix socket after `remove` took its name away: a proxy has sent its request on
   * them, and a POST that is cut there is not sent again.
   */
  async acceptPending(remove: () => void): Promise<void> {
    remove();
    for (let before = -1; before !== this.#accepted; ) {
      before = this.#accepted;
      // The event loop accepts one with each turn, and the turn under way may have looked already.
      await turn();
      await turn();
    }
  }

  /** Ends every connection that has no request, and each of the others after its answer. */
  drain(server: Server): void {
    this.#draining = server;
    server.closeIdleConnections();
    // Node takes a connection that never sent a byte for a busy one. The request of one just accepted may be on its way.
    const endSilent = () => {
      for (const socket of this.#connections) if (socket.bytesRead === 0) socket.destroy();
    };
    setTimeout(endSilent, silentConnectionMs).unref();
    for (const response of this.#responses) {
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }
}

function presentUrl(server: Server, address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const bound = server.address();
  if (bound === null) return 'the socket of systemd';
  if (typeof bound === 'string') return `unix:${bound}`;
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `http://${host}:${bound.port}`;
}
