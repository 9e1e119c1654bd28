import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors/start-error.js';
import type { Mongod } from './mongod-version.js';

const FILE = 'mongod.json';

/**
 * Finds the mongod that last used the data directory; `undefined` for a new directory.
 * @throws {StartError} if the record exists and cannot be read.
 */
export async function findMongodRecord(dataDir: string): Promise<Mongod | undefined> {
  const path = join(dataDir, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const record = parse(text);
  if (record === undefined) {
    throw new StartError(
      `${path} is damaged. It should read {"binary": "<path of mongod>", "version": "<X.Y.Z>"}, with the version that wrote the data.`,
    );
  }
  return record;
}

/** Stores the path and version of the binary with the data, so that later starts use the same series. */
export async function writeMongodRecord(dataDir: string, mongod: Mongod): Promise<void> {
  const path = join(dataDir, FILE);
  const { binary, version } = mongod;
  // A crash must not leave an incomplete record, which would prevent the next start.
  await writeFile(`${path}.new`, `${JSON.stringify({ binary, version })}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function parse(text: string): Mongod | undefined {
  try {
    const { binary, version } = JSON.parse(text) as { binary?: unknown; version?: unknown };
    if (typeof binary !== 'string' || typeof version !== 'string') return undefined;
    const series = /^(\d+\.\d+)\.\d+$/.exec(version)?.[1];
    return series === undefined ? undefined : { binary, version, series };
  } catch {
    return undefined;
  }
}
