import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../errors/start-error.js';

/** The text of a file without white space at its ends, or `undefined` when the file does not exist. */
export function findText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Writes a file for its owner only (0600), completely or not at all; the file is on the disk when the function returns. */
export function writeFileDurably(file: string, text: string): void {
  const draft = `${file}.new`;
  // A draft that an earlier start left keeps the mode it had.
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  const folder = openSync(dirname(file), 'r');
  try {
    // The new name is an entry of the directory, which is written to the disk separately.
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
