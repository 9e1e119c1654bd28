import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { ListenAddress } from '../config/setting-types.js';
import { presentListenError, removeStaleSocket } from './listen-error.js';

/** A listening server and its shutdown. */
export interface ListeningServer {
  /** The address that it listens on, as a person would type it. */
  url: string;
  server: Server;
  /**
   * Accepts no new connections, waits up to `seconds` for requests in flight, then closes the remaining connections.
   * @param endWaits makes requests that wait for something return at once
   */
  drain(seconds: number, endWaits?: () => void): Promise<void>;
}

/** Maximum size of request headers in bytes: a token that lists many queues is long. */
const maxHeaderSize = 64 * 1024;

/** Milliseconds that a connection on which no byte arrived stays open for its request when the server stops. */
const silentConnectionMs = 500;

/** Answers one request. Its result is ignored: Koa answers its own errors. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** The options of `listen`. */
export interface ListenOptions {
  /** Called if a connection could not be accepted, such as for lack of file descriptors. */
  onError?: (error: Error) => void;
  /** Seconds for which a connection without a request stays open; 0 closes it after each response. */
  keepAliveSeconds?: number;
  /** Other processes listen on the same address, and another process manages its socket file. */
  sharesAddress?: boolean;
}

/**
 * Listens on `address`.
 * @throws StartError with a message of one line if the address is in use or not allowed
 */
export async function listen(
  handler: RequestHandler,
  address: ListenAddress,
  { onError = () => undefined, keepAliveSeconds = 75, sharesAddress = false }: ListenOptions = {},
): Promise<ListeningServer> {
  const traffic = new Traffic();
  // Only the headers have a time limit here: an upload may take long (the limits of bodies are in http/body-time.ts).
  const times = { keepAliveTimeout: keepAliveSeconds * 1000, headersTimeout: 60_000, requestTimeout: 0 };
  const server = createServer({ maxHeaderSize, ...times }, (request, response) => {
    // Node treats a timeout of 0 as no limit.
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

/** Tracks open connections and responses, so that a shutdown waits for requests and not for idle connections. */
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
      // Node counts the connection as idle only after this event.
      if (server) setImmediate(() => server.closeIdleConnections());
    });
  }

  addConnection(socket: Socket): void {
    this.#accepted += 1;
    this.#connections.add(socket);
    socket.once('close', () => this.#connections.delete(socket));
  }

  /**
   * Removes a unix socket's file with `remove`, then accepts the connections that wait there: a proxy has sent its requests
   * on them, and it does not repeat a POST whose connection is closed.
   */
  async acceptPending(remove: () => void): Promise<void> {
    remove();
    for (let before = -1; before !== this.#accepted; ) {
      before = this.#accepted;
      // Each turn of the event loop accepts one connection, and the current turn may have checked the socket already.
      await turn();
      await turn();
    }
  }

  /** Closes every connection without a request now, and each of the others after its response. */
  drain(server: Server): void {
    this.#draining = server;
    server.closeIdleConnections();
    // Node counts a connection that never received a byte as busy. A new connection's request may still arrive.
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
