import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { CliError } from './cli-error.js';

/** A file that is opened before its content is known, so that what cannot be written is found out first. */
export interface OpenTokenFile {
  /** Writes the whole content; the file is there, and on the disk, when it returns. */
  finish(text: string): void;
  /** Leaves everything as it was before. */
  abandon(): void;
}

/**
 * Opens a new file for its owner only (0600); with `force` it takes the place of one that is there once finished.
 * @throws CliError when there is one already, or it cannot be written.
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
      throw new CliError(`${file} cannot be written (${code}): name another with --out FILE`);
    throw new CliError(`${file} is there already: --force replaces it, --out FILE names another`);
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

/** The refresh token in a file that `agent add` wrote, if there is one. */
export function findRefreshToken(file: string): string | undefined {
  try {
    const { refresh_token: token } = JSON.parse(readFileSync(file, 'utf8')) as { refresh_token?: unknown };
    return typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}
