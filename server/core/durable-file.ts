import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../errors/start-error.js';

/**
 * Returns the text of a file without white space at its ends, or `undefined` if the file does not exist.
 * @throws StartError if the file cannot be read
 */
export function findText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/**
 * Writes a file that only its owner can read (0600), completely or not at all. The file is on the disk when the
 * function returns.
 */
export function writeFileDurably(file: string, text: string): void {
  const draft = `${file}.new`;
  // A draft that an earlier start left behind would keep its mode.
  rmSync(draft, { force: true });
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  const directory = openSync(dirname(file), 'r');
  try {
    // The new name is an entry of the directory, which is written to the disk separately.
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
