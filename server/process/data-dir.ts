import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findText, writeFileDurably } from '../core/durable-file.js';
import { StartError } from '../errors/start-error.js';

/** The files of a data folder besides the database's own. */
export interface DataDir {
  path: string;
  signingKeyFile: string;
  adminKeyFile: string;
  /** Where the server that uses this folder listens, for the `queuepass` command. */
  serverUrlFile: string;
}

/** The places in a data folder; nothing is made. */
export function locateDataDir(path: string): DataDir {
  const root = resolve(path);
  return {
    path: root,
    signingKeyFile: join(root, 'signing-key'),
    adminKeyFile: join(root, 'admin-key'),
    serverUrlFile: join(root, 'server-url'),
  };
}

/** Makes the folder for its owner only. @throws StartError when it cannot be made or written. */
export function ensureDataDir(path: string): DataDir {
  const dataDir = locateDataDir(path);
  try {
    makeFolder(dataDir.path);
    restrictMode(dataDir.path);
    const probe = join(dataDir.path, '.writable');
    writeFileDurably(probe, '');
    rmSync(probe);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const isFile = code === 'EEXIST' || code === 'ENOTDIR';
    const remedy = isFile ? 'a file is in its place: move that away' : 'let this user own it';
    throw new StartError(
      `The data folder ${dataDir.path} cannot be written (${code}): ${remedy}, or set QUEUEPASS_DATA_DIR to another`,
    );
  }
  return dataDir;
}

/** Not `recursive`, which never ends where a folder that exists refuses new ones as if it did not (as /proc does). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** A mounted volume may belong to another user, and be ours to write all the same: what lies inside is for us alone. */
function restrictMode(folder: string): void {
  try {
    chmodSync(folder, 0o700);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** The signing key of this folder, made at the first start: 384 random bits. */
export function ensureSigningKey({ signingKeyFile }: DataDir): string {
  const kept = findText(signingKeyFile);
  if (kept) return kept;
  const made = randomBytes(48).toString('base64url');
  writeFileDurably(signingKeyFile, `${made}\n`);
  return made;
}
