import { lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { StartError } from '../errors/start-error.js';
import type { ListenAddress } from '../config/setting-types.js';

/** The one line for the operator when listening fails, with what to do. */
export function presentListenError(error: NodeJS.ErrnoException, address: ListenAddress): StartError {
  if ('fd' in address) {
    return new StartError(
      `LISTEN=systemd, but systemd passed no socket (${error.code}): start through a .socket unit, or set LISTEN to an address`,
    );
  }
  const place = 'path' in address ? address.path : `${presentHost(address.host)}:${address.port}`;
  const absent = `${place} is no address of this machine: set HOST (or LISTEN) to one`;
  const hints: Record<string, string> = {
    EADDRINUSE: `${place} is in use by another program: stop it, or set PORT (or LISTEN) to another address`,
    // Node says the same of a socket file in a folder that is not there.
    EACCES:
      'path' in address
        ? `${place} cannot be made: its folder must be there and this user's to write; else set LISTEN to another path`
        : `${place} may not be used by this user: set PORT (or LISTEN) to another address`,
    EADDRNOTAVAIL: absent,
    ENOTFOUND: absent,
    EAI_AGAIN: absent,
  };
  const hint = hints[error.code ?? ''];
  return new StartError(hint ?? `Cannot listen on ${place}: ${error.message}`);
}

function presentHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/**
 * Removes a socket file whose server is gone; one that answers is left, and listening fails over it.
 * @throws StartError when something else than a socket is in its place
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  // Connecting to a plain file is refused just as to a dead socket: it must not be taken for one and removed.
  if (!found.isSocket()) throw new StartError(`${path} is no socket: set LISTEN to another path`);
  const code = await new Promise<string | undefined>((done) => {
    const probe = connect(path, () => {
      probe.destroy();
      done(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code));
  });
  if (code === 'ECONNREFUSED') rmSync(path, { force: true });
}
