import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { StartError } from './db/start-error.js';

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
    mkdirSync(dataDir.path, { recursive: true, mode: 0o700 });
    chmodSync(dataDir.path, 0o700);
    writeFileDurably(join(dataDir.path, '.writable'), '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      `The data folder ${dataDir.path} cannot be written (${code}): let this user own it, or set QUEUEPASS_DATA_DIR to another`,
    );
  }
  return dataDir;
}

/** The signing key of this folder, made at the first start: 384 random bits. */
export function ensureSigningKey({ signingKeyFile }: DataDir): string {
  const kept = findText(signingKeyFile);
  if (kept) return kept;
  const made = randomBytes(48).toString('base64url');
  writeFileDurably(signingKeyFile, `${made}\n`);
  return made;
}

/** The text of a file without blanks at its ends, or `undefined` when there is no such file. */
export function findText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Writes a file for its owner only (0600), whole or not at all, and on the disk when it returns. */
export function writeFileDurably(file: string, text: string): void {
  const draft = `${file}.new`;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
}
