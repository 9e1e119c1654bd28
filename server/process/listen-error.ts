import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { ListenAddress } from '../config/setting-types.js';
import { StartError } from '../errors/start-error.js';

/** Explains in one line why listening failed and what the operator can do. */
export function presentListenError(error: NodeJS.ErrnoException, address: ListenAddress): StartError {
  if ('fd' in address) {
    return new StartError(
      `LISTEN=systemd, but systemd passed no socket (${error.code}): start through a .socket unit, or set LISTEN to an address`,
    );
  }
  const place = 'path' in address ? address.path : `${presentHost(address.host)}:${address.port}`;
  const notLocal = `${place} is not an address of this machine: set HOST (or LISTEN) to one`;
  const hints: Record<string, string> = {
    EADDRINUSE: `${place} is in use by another program: stop it, or set PORT (or LISTEN) to another address`,
    // Node also reports this code for a socket file in a directory that does not exist.
    EACCES:
      'path' in address
        ? `${place} cannot be created: its directory must exist and be writable by this user, or set LISTEN to another path`
        : `this user is not allowed to listen on ${place}: set PORT (or LISTEN) to another address`,
    EADDRNOTAVAIL: notLocal,
    ENOTFOUND: notLocal,
    EAI_AGAIN: notLocal,
  };
  const hint = hints[error.code ?? ''];
  return new StartError(hint ?? `Cannot listen on ${place}: ${error.message}`);
}

function presentHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Removes a socket file whose server has ended. A socket whose server still accepts connections stays, and listening fails.
 * @throws StartError if the path is not a socket
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  // A connection to a regular file is refused like one to a stale socket, and the file must not be removed.
  if (!found.isSocket()) throw new StartError(`${path} is not a socket: set LISTEN to another path`);
  const code = await new Promise<string | undefined>((done) => {
    const probe = connect(path, () => {
      probe.destroy();
      done(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code));
  });
  if (code === 'ECONNREFUSED') rmSync(path, { force: true });
}
