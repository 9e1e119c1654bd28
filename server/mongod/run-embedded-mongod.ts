import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { DataInUseError, StartError } from '../errors/start-error.js';
import { explainMongodExit } from './mongod-log.js';
import { LOCK_HELD_EXIT_CODE, type MongodProcess, startMongodProcess } from './mongod-process.js';
import { embeddedMongodUri, embeddedSocketPath, makeSocketDirectory } from './mongod-socket.js';
import { becomePrimary, isListening, REPLICA_SET } from './replica-set.js';

const LOCK_POLL_MS = 100;
const PRIMARY_WAIT_MS = 60_000;
const EXIT_WAIT_MS = 2_000;

/**
 * Starts mongod on the data directory and resolves once it is a writable primary. If another mongod still uses the data
 * directory, it waits up to `lockWaitMs`.
 * @throws {DataInUseError} if the directory is in use for longer, {StartError} if mongod ends or is not primary in 60 s.
 */
export async function runEmbeddedMongod(
  binary: string,
  {
    dataDir,
    report,
    lockWaitMs = 10_000,
  }: { dataDir: string; report: (line: string) => void; lockWaitMs?: number },
): Promise<MongodProcess> {
  const until = performance.now() + lockWaitMs;
  for (let hasReported = false; ; hasReported = true) {
    try {
      return await startOnce(binary, dataDir);
    } catch (error) {
      if (!(error instanceof DataInUseError)) throw error;
      if (performance.now() >= until) throw new DataInUseError(presentInUse(dataDir));
      if (!hasReported) report(`waiting for another MongoDB to release ${dataDir} ...`);
      await wait(LOCK_POLL_MS);
    }
  }
}

async function startOnce(binary: string, dataDir: string): Promise<MongodProcess> {
  const socketPath = embeddedSocketPath(dataDir);
  const logPath = join(dataDir, 'mongod.log');
  makeSocketDirectory(dataDir, socketPath);
  // Without flock (macOS), only this check prevents a second mongod from replacing the socket of the first.
  if (await isListening(socketPath)) throw new DataInUseError(presentInUse(dataDir));
  const command = [binary, ...listArguments(join(dataDir, 'db'), socketPath)];
  const mongod = startMongodProcess(command, join(dataDir, 'mongod.lock'), logPath);
  const exited = new AbortController();
  const ended = mongod.ended.then(async (exit) => {
    exited.abort();
    if (exit.code === LOCK_HELD_EXIT_CODE) throw new DataInUseError(presentInUse(dataDir));
    throw await explainMongodExit(exit, dataDir, logPath);
  });
  const timedOut = AbortSignal.timeout(PRIMARY_WAIT_MS);
  const primary = becomePrimary(
    embeddedMongodUri(dataDir),
    socketPath,
    AbortSignal.any([exited.signal, timedOut]),
  );
  // A dying mongod closes its connections before it exits, and its log explains more than the connection errors.
  const explained = primary.catch(async (error: unknown) => {
    await Promise.race([ended, wait(EXIT_WAIT_MS, undefined, { ref: false })]);
    throw error;
  });
  try {
    await Promise.race([ended, explained]);
  } catch (error) {
    await mongod.stop();
    if (error instanceof StartError) throw error;
    throw new StartError(`MongoDB did not become ready: ${(error as Error).message} (the log is ${logPath})`);
  } finally {
    ended.catch(() => undefined);
    explained.catch(() => undefined);
  }
  return mongod;
}

function listArguments(dbPath: string, socketPath: string): string[] {
  const parameters = {
    // Otherwise mongod keeps 300 s of history, and reads of a drained queue scan it.
    minSnapshotHistoryWindowInSeconds: 0,
    diagnosticDataCollectionEnabled: false,
    // No other member could take over, so there is no reason to wait.
    shutdownTimeoutMillisForSignaledShutdown: 100,
  };
  return [
    ...['--dbpath', dbPath, '--replSet', REPLICA_SET, '--oplogSize', '512'],
    // Without --nounixsocket it would also listen on a socket in the temporary directory.
    ...['--bind_ip', socketPath, '--filePermissions', '0600', '--nounixsocket'],
    ...['--quiet', '--wiredTigerCacheSizeGB', String(cacheGigabytes())],
    ...Object.entries(parameters).flatMap(([name, value]) => ['--setParameter', `${name}=${value}`]),
  ];
}

// mongod's default is half of the memory, which is too much for a database that shares the machine with this process.
function cacheGigabytes(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.min(4, Math.max(0.25, memory / 2 ** 30 / 4));
}

function presentInUse(dataDir: string): string {
  return `The data directory ${dataDir} is in use by another Queuepass. Stop that one, or set QUEUEPASS_DATA_DIR to another directory.`;
}
