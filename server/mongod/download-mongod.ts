import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DownloadMessage } from './mongod-download-process.js';

// The first series that MongoDB builds for Debian 12; mongodb-memory-server supports it on every platform.
const DEFAULT_VERSION = '7.0.14';

// On a busy machine a process may take seconds to load.
const START_TIMEOUT_MS = 30_000;

/** The milliseconds after which a download is given up if nothing arrives: no first byte, or no further data. */
export interface DownloadTimeouts {
  firstByteMs: number;
  stallMs: number;
}

/** Returns the version of MongoDB to download: `MONGOMS_VERSION`, else 7.0.14. */
export function downloadVersion(environment: NodeJS.ProcessEnv): string {
  return environment.MONGOMS_VERSION || DEFAULT_VERSION;
}

/**
 * Finds the mongod that mongodb-memory-server downloaded before, without using the network; `undefined` if there is
 * none.
 */
export async function locateDownloadedMongod(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const child = start('locate', environment);
  child.stdout?.resume();
  const stop = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS);
  return waitForResult(child)
    .catch(() => undefined)
    .finally(() => clearTimeout(stop));
}

/**
 * Downloads mongod through mongodb-memory-server and returns the path of the binary.
 * @throws {Error} with a message of one line: the server refused, it does not have this version, no byte arrived within
 *   `timeouts.firstByteMs`, or later no data arrived for `timeouts.stallMs`.
 */
export async function downloadMongod(
  environment: NodeJS.ProcessEnv,
  report: (line: string) => void,
  timeouts: DownloadTimeouts = { firstByteMs: 5_000, stallMs: 30_000 },
): Promise<string> {
  const version = downloadVersion(environment);
  report(`downloading mongod ${version} ...`);
  const child = start('download', environment);
  let silenceTimer: NodeJS.Timeout | undefined;
  let reason = 'its process ended early';
  const giveUpAfter = (milliseconds: number, why: string): void => {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => {
      reason = why;
      child.kill('SIGKILL');
    }, milliseconds);
  };
  giveUpAfter(START_TIMEOUT_MS, 'it did not start');
  child.once('message', () => {
    giveUpAfter(timeouts.firstByteMs, `no byte arrived within ${timeouts.firstByteMs / 1000} s`);
  });
  // mongodb-memory-server prints at the first chunk, then at most every 2 s while chunks arrive.
  let reportedTenths = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    giveUpAfter(timeouts.stallMs, `it stalled for ${timeouts.stallMs / 1000} s`);
    const tenths = Math.floor(Number(/([\d.]+)%/.exec(chunk.toString())?.[1] ?? 0) / 10);
    if (tenths > reportedTenths) report(`downloading mongod ${version}: ${tenths * 10} %`);
    reportedTenths = Math.max(reportedTenths, tenths);
  });
  try {
    const binary = await waitForResult(child, () => reason);
    if (binary === undefined) throw new Error('it returned no file');
    return binary;
  } finally {
    clearTimeout(silenceTimer);
  }
}

function start(task: 'locate' | 'download', environment: NodeJS.ProcessEnv): ChildProcess {
  // The file ends in .ts when it runs from source, in .js when it is built.
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const file = fileURLToPath(new URL(`./mongod-download-process${extension}`, import.meta.url));
  const rest = { ...environment };
  // The caller tried this binary already, and mongodb-memory-server would prefer it to every other place.
  delete rest.MONGOMS_SYSTEM_BINARY;
  return fork(file, [task, downloadVersion(environment)], {
    execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
    // Without strict_ssl mongodb-memory-server would not verify the certificate of the host that sends the binary.
    env: { MONGOMS_MAX_RETRIES: '1', ...rest, npm_config_strict_ssl: 'true' },
    stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  });
}

function waitForResult(child: ChildProcess, whenKilled = () => 'it ended'): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(whenKilled())));
    child.on('message', (message) => {
      const { begins, binary, error } = message as DownloadMessage;
      if (begins) return;
      child.disconnect();
      if (error === undefined) resolve(binary);
      else reject(new Error(error));
    });
  });
}
