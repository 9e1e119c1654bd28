import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { explainMongodExit } from './mongod-log.js';
import { LOCK_HELD_EXIT_CODE, type MongodProcess, startMongodProcess } from './mongod-process.js';
import { embeddedMongodUri, embeddedSocketPath, makeSocketFolder } from './mongod-socket.js';
import { becomePrimary, isListening, REPLICA_SET } from './replica-set.js';
import { DataInUseError, StartError } from '../errors/start-error.js';

const LOCK_POLL_MS = 100;
const PRIMARY_WAIT_MS = 60_000;
const EXIT_WAIT_MS = 2_000;

/**
 * Starts mongod on the data directory and resolves once it is a writable primary. A data directory that a
 * mongod still holds is waited for up to `lockWaitMs`.
 * @throws {DataInUseError} when it is held longer, {StartError} when mongod ends or gets no primary in 60 s.
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
      if (!hasReported) report(`waiting for another MongoDB to let go of ${dataDir} ...`);
      await wait(LOCK_POLL_MS);
    }
  }
}

async function startOnce(binary: string, dataDir: string): Promise<MongodProcess> {
  const socketPath = embeddedSocketPath(dataDir);
  const logPath = join(dataDir, 'mongod.log');
  makeSocketFolder(dataDir, socketPath);
  // Where there is no flock (macOS), this alone keeps a second mongod from replacing the socket of the first.
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
  // A dying mongod drops its connections before it is gone, and its log says more than they do.
  const explained = primary.catch(async (error: unknown) => {
    await Promise.race([ended, wait(EXIT_WAIT_MS, undefined, { ref: false })]);
    throw error;
  });
  try {
    await Promise.race([ended, explained]);
  } catch (error) {
    await mongod.stop();
    if (error instanceof StartError) throw error;
    throw new StartError(`MongoDB does not get ready: ${(error as Error).message} (the log is ${logPath})`);
  } finally {
    ended.catch(() => undefined);
    explained.catch(() => undefined);
  }
  return mongod;
}

function listArguments(dbPath: string, socketPath: string): string[] {
  const parameters = {
    // A queue that is drained would otherwise be read through 300 s of its history.
    minSnapshotHistoryWindowInSeconds: 0,
    diagnosticDataCollectionEnabled: false,
    // There is no other member that could take over, so nothing to wait for.
    shutdownTimeoutMillisForSignaledShutdown: 100,
  };
  return [
    ...['--dbpath', dbPath, '--replSet', REPLICA_SET, '--oplogSize', '512'],
    // Without --nounixsocket it would also listen on a socket in the temporary folder.
    ...['--bind_ip', socketPath, '--filePermissions', '0600', '--nounixsocket'],
    ...['--quiet', '--wiredTigerCacheSizeGB', String(cacheGigabytes())],
    ...Object.entries(parameters).flatMap(([name, value]) => ['--setParameter', `${name}=${value}`]),
  ];
}

// mongod's default is half of the memory, which a guest in this process's house should not take.
function cacheGigabytes(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.min(4, Math.max(0.25, memory / 2 ** 30 / 4));
}

function presentInUse(dataDir: string): string {
  return `The data directory ${dataDir} is in use by another Queuepass. Stop that one, or set QUEUEPASS_DATA_DIR to another folder.`;
}
