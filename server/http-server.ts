import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { rmSync } from 'node:fs';
import { StartError } from './db/start-error.js';
import type { ListenAddress } from './setting-types.js';

/** A server that listens, and its orderly end. */
export interface ListeningServer {
  /** Where it listens, as a person would type it. */
  url: string;
  server: Server;
  /** Takes no new connections, lets requests in flight end for `seconds`, then cuts what is left. */
  drain(seconds: number): Promise<void>;
}

/** Bytes of request headers: a pass with many queues is long. */
const maxHeaderSize = 64 * 1024;

/** Answers one request; what it returns is of no interest, since Koa answers its own errors. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** @throws StartError with one clear line when the address is in use or not allowed. */
export async function listen(handler: RequestHandler, address: ListenAddress): Promise<ListeningServer> {
  let draining = false;
  const server = createServer({ maxHeaderSize, keepAliveTimeout: 75_000 }, (request, response) => {
    if (draining) response.setHeader('Connection', 'close');
    void handler(request, response);
  });
  if ('path' in address) await removeStaleSocket(address.path);
  await new Promise<void>((done, failed) => {
    server.once('error', (error: NodeJS.ErrnoException) => failed(presentListenError(error, address)));
    server.listen(address, () => done());
  });
  return {
    url: presentUrl(server, address),
    server,
    async drain(seconds) {
      draining = true;
      const closed = new Promise<void>((done) => server.close(() => done()));
      // Those that wait between two requests; busy ones close themselves after their answer.
      server.closeIdleConnections();
      const deadline = setTimeout(() => server.closeAllConnections(), seconds * 1000);
      await closed;
      clearTimeout(deadline);
    },
  };
}

function presentUrl(server: Server, address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return `unix:${bound}`;
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return `http://${host}:${bound.port}`;
}

function presentListenError(error: NodeJS.ErrnoException, address: ListenAddress): Error {
  const place =
    'path' in address
      ? address.path
      : 'fd' in address
        ? 'the systemd socket'
        : `${address.host}:${address.port}`;
  const hints: Record<string, string> = {
    EADDRINUSE: `${place} is in use by another program: stop it, or set PORT (or LISTEN) to another address`,
    EACCES: `${place} may not be used by this user: set PORT (or LISTEN) to another address`,
    EADDRNOTAVAIL: `${place} is no address of this machine: set HOST (or LISTEN) to one`,
    ENOTFOUND: `${place} is no address of this machine: set HOST (or LISTEN) to one`,
  };
  const hint = hints[error.code ?? ''];
  return new StartError(hint ?? `Cannot listen on ${place}: ${error.message}`);
}

/** A socket file whose server is gone is removed; one that answers is left, and listening fails over it. */
async function removeStaleSocket(path: string): Promise<void> {
  const code = await new Promise<string | undefined>((done) => {
    const probe = connect(path, () => {
      probe.destroy();
      done(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code));
  });
  if (code === 'ECONNREFUSED') rmSync(path, { force: true });
}
