import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findText, writeFileDurably } from '../core/durable-file.js';
import { StartError } from '../errors/start-error.js';

/** The paths of the files in a data directory, except those of the database. */
export interface DataDir {
  path: string;
  signingKeyFile: string;
  adminKeyFile: string;
  /** Contains the URL of the server that uses this directory, for the `queuepass` command. */
  serverUrlFile: string;
}

/** Returns the paths in a data directory, without creating anything. */
export function locateDataDir(path: string): DataDir {
  const root = resolve(path);
  return {
    path: root,
    signingKeyFile: join(root, 'signing-key'),
    adminKeyFile: join(root, 'admin-key'),
    serverUrlFile: join(root, 'server-url'),
  };
}

/** Creates the directory, accessible only to its owner. @throws StartError if it cannot be created or written */
export function ensureDataDir(path: string): DataDir {
  const dataDir = locateDataDir(path);
  try {
    makeDirectory(dataDir.path);
    restrictMode(dataDir.path);
    const probe = join(dataDir.path, '.writable');
    writeFileDurably(probe, '');
    rmSync(probe);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const remedy = isFile ? 'a file is in its place: move the file' : 'make this user its owner';
    throw new StartError(
      `The data directory ${dataDir.path} cannot be written (${code}): ${remedy}, or set QUEUEPASS_DATA_DIR to another directory`,
    );
  }
  return dataDir;
}

/**
 * Does not use `recursive`, which never ends below an existing directory that reports ENOENT for new ones, as /proc
 * does.
 */
function makeDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (!existsSync(dirname(path))) makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** Restricts a directory to its owner, unless it is another user's, such as a mounted volume that we can write. */
function restrictMode(directory: string): void {
  try {
    chmodSync(directory, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** Returns the signing key of this directory; the first start creates it from 384 random bits. */
export function ensureSigningKey({ signingKeyFile }: DataDir): string {
  const stored = findText(signingKeyFile);
  if (stored) return stored;
  const created = randomBytes(48).toString('base64url');
  writeFileDurably(signingKeyFile, `${created}\n`);
  return created;
}
