/*
 * What `npm test` runs: one MongoDB for all test files (ava has no set-up of its own for that), then ava with the
 * given arguments. Everything lives in one temporary folder, so that what a test leaves behind is found and ends here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { type EmbeddedMongod, startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { findMongodRecord } from '../../server/mongod/mongod-record.js';
import { StartError } from '../../server/errors/start-error.js';
import { AvaCounts } from './ava-counts.js';
import { buildServer } from './build-server.js';
import { endProcessesOf } from './processes-of.js';

const ava = fileURLToPath(new URL('../../node_modules/.bin/ava', import.meta.url));
const report = (line: string): void => console.log(`[mongod] ${line}`);

/** Milliseconds without a line after which the run is ended: ava's own limit is off for good once a test has set a longer one. */
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
const counts = new AvaCounts();
let mongod: EmbeddedMongod | undefined;
try {
  buildServer();
  const dataDir = join(folder, 'data');
  mongod = await startEmbeddedMongod({ dataDir, environment: process.env, report, onGone: endWithMongod });
  await keepWhatIsOld(mongod.uri);
  report('ready');
  const binary = (await findMongodRecord(dataDir))?.binary;
  if (!interrupted) process.exitCode = await runAva(mongod.uri, binary);
} catch (error) {
  counts.addFailure();
  console.error(error instanceof StartError ? error.message : error);
} finally {
  await mongod?.stop();
  const left = await endProcessesOf(folder);
  for (const line of left) console.error(`left behind by the tests, now ended: ${line}`);
  if (left.length > 0) counts.addFailure();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
if (interrupted) process.exitCode = 130;
const { passed, failed } = counts.sum(process.exitCode ?? 0);
if (failed > 0) process.exitCode ||= 1;
console.log(`${passed} passed, ${failed} failed`);

/** Those of runs that were killed hold memory until somebody removes them. */
async function removeLeftFolders(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`) || !existsSync('/proc')) continue;
    await endProcessesOf(join(place, name));
    await rm(join(place, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Each test makes a database, and so dozens of files: in memory where there is room for the whole run, else on the disk. */
async function findRoomyFolder(): Promise<string> {
  const needed = 6 * 2 ** 30;
  const room = await statfs(shared).catch(() => undefined);
  const isRoomy = room !== undefined && room.bavail * room.bsize > needed && freemem() > 2 * needed;
  return isRoomy ? shared : tmpdir();
}

/** Tests have dates of their own, and MongoDB would remove their data by its clock, once a minute. */
async function keepWhatIsOld(uri: string): Promise<void> {
  const client = new MongoClient(uri);
  await client.db('admin').command({ setParameter: 1, ttlMonitorEnabled: false });
  await client.close();
}

function runAva(uri: string, binary: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(ava, process.argv.slice(2), {
      env: {
        ...process.env,
        TMPDIR: folder,
        QUEUEPASS_TEST_MONGODB_URI: uri,
        // Tests that start a MongoDB of their own find it without looking around.
        ...(binary === undefined ? {} : { MONGOMS_SYSTEM_BINARY: binary }),
        ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : {}),
      },
      stdio: ['inherit', 'pipe', 'pipe'],
    });
    running = child;
    const watchdog = setTimeout(() => {
      console.error(`no test has ended for ${silentMs / 60_000} minutes: the run is given up`);
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
