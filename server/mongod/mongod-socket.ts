import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../errors/start-error.js';

const FILE = 'mongod.sock';
// sockaddr_un holds 108 bytes, the last of which is 0.
const MAX_PATH_BYTES = 107;

/**
 * Returns the path of the embedded MongoDB's socket. It is in the data directory. If that path is too long for a socket,
 * or has characters that a MongoDB host name cannot have, it is in this user's directory under the temporary directory,
 * named by a digest of the data directory's path.
 */
export function embeddedSocketPath(dataDir: string): string {
  const real = realPath(dataDir);
  const path = join(real, FILE);
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES && /^[\w./-]+$/.test(path)) return path;
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 16);
  return join(tmpdir(), `queuepass-${userInfo().uid}-${digest}`, FILE);
}

/** Returns the connection string of a data directory's embedded MongoDB, running or not; it names no database. */
export function embeddedMongodUri(dataDir: string): string {
  return `mongodb://${encodeURIComponent(embeddedSocketPath(dataDir))}/?directConnection=true`;
}

/**
 * Creates the directory of a socket that is outside the data directory, with mode 0700.
 * @throws {StartError} if the directory is a link or belongs to another user, who could then intercept connections.
 */
export function makeSocketDirectory(dataDir: string, socketPath: string): void {
  const directory = dirname(socketPath);
  if (directory === realPath(dataDir)) return;
  if (Buffer.byteLength(socketPath) > MAX_PATH_BYTES) {
    throw new StartError(
      `${socketPath} is too long for a socket: choose a shorter QUEUEPASS_DATA_DIR or TMPDIR.`,
    );
  }
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new StartError(
        `${directory}, for the socket of MongoDB, cannot be created: ${(error as Error).message}`,
      );
    }
  }
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== userInfo().uid) {
    throw new StartError(
      `${directory} is needed for the socket of MongoDB, but it is a link or belongs to another user: remove it.`,
    );
  }
  chmodSync(directory, 0o700);
}

/** Removes the directory that `makeSocketDirectory` created. */
export function removeSocketDirectory(dataDir: string, socketPath: string): void {
  if (dirname(socketPath) === realPath(dataDir)) return;
  try {
    rmdirSync(dirname(socketPath));
  } catch {
    // Another start may use it by now; an empty directory does no harm.
  }
}

function realPath(dataDir: string): string {
  try {
    return realpathSync(dataDir);
  } catch {
    return resolve(dataDir);
  }
}
