import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../errors/start-error.js';

const FILE = 'mongod.sock';
// sockaddr_un holds 108 bytes, the last of which is 0.
const MAX_PATH_BYTES = 107;

/**
 * The path of the socket of the embedded MongoDB: in the data directory, or, where that path is too long for
 * a socket or has characters that a MongoDB host name cannot have, in a folder of this user under the
 * temporary folder, named by a digest of the data directory. It depends on nothing but the data directory.
 */
export function embeddedSocketPath(dataDir: string): string {
  const real = realPath(dataDir);
  const path = join(real, FILE);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES && /^[\w./-]+$/.test(path)) return path;
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 16);
  return join(tmpdir(), `queuepass-${userInfo().uid}-${digest}`, FILE);
}

/** The connection string of the embedded MongoDB of a data directory, running or not; it names no database. */
export function embeddedMongodUri(dataDir: string): string {
  return `mongodb://${encodeURIComponent(embeddedSocketPath(dataDir))}/?directConnection=true`;
}

/**
 * Makes the folder of a socket that lies outside the data directory, with mode 0700.
 * @throws {StartError} when the folder is a link or belongs to somebody else, who could then listen in.
 */
export function makeSocketFolder(dataDir: string, socketPath: string): void {
  const folder = dirname(socketPath);
  if (folder === realPath(dataDir)) return;
  if (Buffer.byteLength(socketPath) > MAX_PATH_BYTES) {
    throw new StartError(
      `${socketPath} is too long for a socket: choose a shorter QUEUEPASS_DATA_DIR or TMPDIR.`,
    );
  }
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new StartError(
        `${folder}, for the socket of MongoDB, cannot be made: ${(error as Error).message}`,
      );
    }
  }
  const found = lstatSync(folder);
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new StartError(
      `${folder} is wanted for the socket of MongoDB, but is a link or somebody else's: remove it.`,
    );
  }
  chmodSync(folder, 0o700);
}

/** Removes what `makeSocketFolder` made. */
export function removeSocketFolder(dataDir: string, socketPath: string): void {
  if (dirname(socketPath) === realPath(dataDir)) return;
  try {
    rmdirSync(dirname(socketPath));
  } catch {
    // Another start may use it by now; an empty folder left over does no harm.
  }
}

function realPath(dataDir: string): string {
  try {
    return realpathSync(dataDir);
  } catch {
    return resolve(dataDir);
  }
}
