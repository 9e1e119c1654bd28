/*
 * The script behind `npm test`. It starts one MongoDB for all test files, since ava has no global setup, and runs ava
 * with the given arguments. All files are in one temporary directory, so that the script can find and end leftover
 * processes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { StartError } from '../../server/errors/start-error.js';
import { type EmbeddedMongod, startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { findMongodRecord } from '../../server/mongod/mongod-record.js';
import { AvaCounts } from './ava-counts.js';
import { buildServer } from './build-server.js';
import { compileTests, nameCompiled } from './compile-tests.js';
import { endProcessesOf } from './processes-of.js';

const ava = fileURLToPath(new URL('../../node_modules/.bin/ava', import.meta.url));

/**
 * Milliseconds without output after which the run is aborted. ava's own limit is disabled once a test sets a longer
 * one.
 */
const silentMs = 5 * 60_000;

let running: ChildProcess | undefined;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = true;
    running?.kill(signal);
  });
}

const shared = '/dev/shm';
const prefix = 'qp-test-';
for (const place of [shared, tmpdir()]) await removeLeftFolders(place);
const folder = await realpath(await mkdtemp(join(await findRoomyFolder(), `${prefix}${process.pid}-`)));
const dataDir = join(folder, 'data');
const counts = new AvaCounts();
let mongod: EmbeddedMongod | undefined;
try {
  buildServer();
  await compileTests();
  mongod = await startEmbeddedMongod({ dataDir, environment: process.env, report, onFailed: endWithMongod });
  await disableTtlMonitor(mongod.uri);
  report('ready');
  const binary = (await findMongodRecord(dataDir))?.binary;
  if (!interrupted) process.exitCode = await runAva(mongod.uri, binary);
} catch (error) {
  counts.addFailure();
  console.error(error instanceof StartError ? error.message : error);
} finally {
  await mongod?.stop();
  const left = await endProcessesOf(folder);
  for (const line of left) console.error(`ended a process that the tests left running: ${line}`);
  if (left.length > 0) counts.addFailure();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
if (interrupted) process.exitCode = 130;
const { passed, failed } = counts.sum(process.exitCode ?? 0);
if (failed > 0) process.exitCode ||= 1;
console.log(`${passed} passed, ${failed} failed`);

/** Prints what happens to MongoDB. If it died, also prints its last words, since the directory of its log is removed. */
function report(line: string): void {
  console.log(`[mongod] ${line}`);
  if (!line.startsWith('MongoDB ended by itself')) return;
  const log = readFileSync(join(dataDir, 'mongod.log'), 'utf8').trimEnd().split('\n');
  const isUseful = (text: string, n: number) => n > log.length - 20 || /^\{.{0,60}"s":"[EF]"/.test(text);
  const useful = log.filter(isUseful).filter((text) => !text.includes('"msg":"  Frame'));
  for (const text of useful.slice(-40)) console.error(`[mongod] ${text.slice(0, 1000)}`);
}

/** Removes the directories of runs that were killed, which would occupy memory. */
async function removeLeftFolders(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`) || !existsSync('/proc')) continue;
    await endProcessesOf(join(place, name));
    await rm(join(place, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Each test creates a database with dozens of files. They go to memory if it has room for the whole run, else to the
 * disk.
 */
async function findRoomyFolder(): Promise<string> {
  const needed = 6 * 2 ** 30;
  const room = await statfs(shared).catch(() => undefined);
  const isRoomy = room !== undefined && room.bavail * room.bsize > needed && freemem() > 2 * needed;
  return isRoomy ? shared : tmpdir();
}

/** Tests use their own dates. MongoDB's TTL monitor would remove their data by its own clock, once a minute. */
async function disableTtlMonitor(uri: string): Promise<void> {
  const client = new MongoClient(uri);
  await client.db('admin').command({ setParameter: 1, ttlMonitorEnabled: false });
  await client.close();
}

function runAva(uri: string, binary: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(ava, process.argv.slice(2).map(nameCompiled), {
      env: {
        ...process.env,
        TMPDIR: folder,
        QUEUEPASS_TEST_MONGODB_URI: uri,
        // Tests that start their own MongoDB use this binary without a search.
        ...(binary === undefined ? {} : { MONGOMS_SYSTEM_BINARY: binary }),
        ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
      },
      stdio: ['inherit', 'pipe', 'pipe'],
    });
    running = child;
    const watchdog = setTimeout(() => {
      console.error(`no test has ended for ${silentMs / 60_000} minutes: aborting the run`);
      counts.addFailure();
      child.kill('SIGINT');
    }, silentMs);
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      from.setEncoding('utf8').on('data', (text: string) => {
        watchdog.refresh();
        to.write(text);
        counts.read(text);
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(watchdog);
      resolve(code ?? 1);
    });
  });
}

function endWithMongod(error: Error): void {
  console.error(error.message);
  counts.addFailure();
  running?.kill('SIGTERM');
}
