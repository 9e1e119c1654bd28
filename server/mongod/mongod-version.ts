import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A mongod that can be run: the path of its binary, its version and its series (`X.Y`). */
export interface Mongod {
  binary: string;
  version: string;
  series: string;
}

const MIN_MAJOR = 6;

/**
 * Reads the version of a mongod by running it with `--version`.
 * @throws {Error} with a message of one line, if it cannot be run or prints no version.
 */
export async function readMongodVersion(binary: string): Promise<Mongod> {
  const output = await run(binary, ['--version'], { timeout: 10_000 }).catch((error: unknown) => {
    throw new Error(`it cannot be run (${presentRunError(error)})`);
  });
  const found = /^\s*db version v?((\d+\.\d+)\.\d+)/m.exec(output.stdout);
  if (found?.[1] === undefined || found[2] === undefined)
    throw new Error('it does not print a MongoDB version');
  return { binary, version: found[1], series: found[2] };
}

/** Returns whether Queuepass supports this version: MongoDB 6.0 or newer. */
export function isSupported(mongod: Mongod): boolean {
  return Number.parseInt(mongod.series, 10) >= MIN_MAJOR;
}

/** Returns the line that explains why a version below 6.0 is not used. */
export function presentTooOld(mongod: Mongod): string {
  return `it is MongoDB ${mongod.version}, and Queuepass needs 6.0 or newer`;
}

function presentRunError(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  const lastLine = stderr?.trim().split('\n').at(-1);
  if (lastLine) return lastLine;
  return typeof code === 'string' ? code : (message.split('\n')[0] ?? 'unknown');
}
