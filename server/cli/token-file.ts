import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { CliError } from './cli-error.js';

/** A token file that is opened before the token is created, so that a file that cannot be written is an early error. */
export interface OpenTokenFile {
  /** Writes the content and syncs it to disk. */
  finish(text: string): void;
  /** Removes the new file, and leaves an existing one unchanged. */
  abandon(): void;
}

/**
 * Opens a new file that only its owner can read (0600). With `force`, `finish` replaces an existing file.
 * @throws CliError if the file exists and `force` is not set, or if it cannot be written
 */
export function openTokenFile(file: string, force: boolean): OpenTokenFile {
  const draft = force ? `${file}.new` : file;
  let descriptor: number;
  try {
    if (force) rmSync(draft, { force: true });
    descriptor = openSync(draft, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST')
      throw new CliError(`${file} cannot be written (${code}): name another file with --out FILE`);
    throw new CliError(
      `${file} already exists: replace it with --force, or name another file with --out FILE`,
    );
  }
  return {
    finish(text) {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
      closeSync(descriptor);
      if (force) renameSync(draft, file);
    },
    abandon() {
      closeSync(descriptor);
      rmSync(draft, { force: true });
    },
  };
}

/** Finds the refresh token in a file that `agent add` wrote. Returns `undefined` if there is none. */
export function findRefreshToken(file: string): string | undefined {
  try {
    const { refresh_token: token } = JSON.parse(readFileSync(file, 'utf8')) as { refresh_token?: unknown };
    return typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}
