import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import type { StartError } from '../../server/errors/start-error.js';
import { type EmbeddedMongod, startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { listProcessesOf } from './processes-of.js';

/** Makes a new temporary directory and returns its real path. */
export function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'own-')));
}

/**
 * Removes a directory that a test no longer needs. The journal of one MongoDB takes 300 MB in memory, and tests start
 * dozens.
 */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Starts an embedded MongoDB until the test ends. `lines` holds its reports, and `gone` resolves if it cannot be
 * restarted.
 */
export async function startOwnMongod(
  t: ExecutionContext,
  dataDir: string,
  environment: NodeJS.ProcessEnv = process.env,
  lockWaitMs = 1000,
): Promise<EmbeddedMongod & { lines: string[]; gone: Promise<StartError> }> {
  const lines: string[] = [];
  let onFailed: (error: StartError) => void = () => undefined;
  const gone = new Promise<StartError>((resolve) => {
    onFailed = resolve;
  });
  const report = (line: string): void => void lines.push(line);
  const mongod = await startEmbeddedMongod({ dataDir, environment, report, onFailed, lockWaitMs });
  t.teardown(async () => {
    await mongod.stop();
    removeFolder(dataDir);
  });
  return { ...mongod, lines, gone };
}

/**
 * Starts a process in its own process group that runs an embedded MongoDB. `said` resolves once it prints a given
 * line.
 */
export async function startMongodChild(
  t: ExecutionContext,
  dataDir: string,
): Promise<{ child: ChildProcess; said: (line: string) => Promise<void>; exited: Promise<number | null> }> {
  const script = fileURLToPath(new URL('./embedded-mongod-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import=tsx', script, dataDir], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const said = (line: string): Promise<void> =>
    waitUntil(() => {
      if (child.exitCode !== null) throw new Error(`the process ended with ${child.exitCode}`);
      return lines.includes(line);
    });
  await said('ready');
  return { child, said, exited };
}

/** Runs `task` with a client that is connected to `uri`, and closes the client. */
export async function withClient<T>(uri: string, task: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 20_000, writeConcern: { w: 'majority' } });
  try {
    return await task(client);
  } finally {
    await client.close();
  }
}

/** Writes `{_id}` into the collection `kept`, acknowledged by a majority. */
export async function writeKept(uri: string, id: string): Promise<void> {
  await withClient(uri, (client) =>
    client.db('test').collection<{ _id: string }>('kept').insertOne({ _id: id }),
  );
}

/** Reads the ids of the collection `kept`, sorted. */
export async function readKept(uri: string): Promise<string[]> {
  const find = (client: MongoClient) =>
    client.db('test').collection<{ _id: string }>('kept').find().toArray();
  return (await withClient(uri, find)).map(({ _id }) => _id).sort();
}

/** Finds the process ids of the mongod of a data directory, or of its watcher. */
export async function findPids(dataDir: string, which: 'mongod' | 'watcher'): Promise<number[]> {
  const all = await listProcessesOf(dataDir);
  return all
    .filter(({ command }) => command.includes('queuepass-mongod') === (which === 'watcher'))
    .filter(({ command }) => command.includes('--dbpath'))
    .map(({ pid }) => pid);
}

/** Polls until `condition` holds. @throws Error after 60 s. */
export async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const until = performance.now() + 60_000; !(await condition()); await wait(20)) {
    if (performance.now() > until) throw new Error('the condition did not become true within 60 s');
  }
}
