import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { findMongodRecord } from '../../server/mongod/mongod-record.js';
import { findFreePort } from '../deploy/nginx.js';

/** Milliseconds of each start, from the command to the first 200 of `/readyz`. */
export interface StartTimes {
  /** With the embedded MongoDB and an empty data directory. */
  cold: number[];
  /** With the embedded MongoDB and the data of the previous start. */
  warm: number[];
  /** With a MongoDB that is already running and has the indexes of an earlier start. */
  outside: number[];
  mongodVersion: string;
}

/** Starts the built server `rounds` times in each way, as `npm start` does. */
export async function measureStarts(rounds: number): Promise<StartTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'queuepass-starts-'));
  const mongod = await startEmbeddedMongod({
    dataDir: join(folder, 'outside'),
    environment: process.env,
    report: (line) => console.error(line),
    onFailed: (error) => {
      throw error;
    },
  });
  try {
    const { binary, version } = (await findMongodRecord(join(folder, 'outside'))) ?? {};
    const embedded = (round: number) => ({
      QUEUEPASS_DATA_DIR: join(folder, `round-${round}`),
      MONGOMS_SYSTEM_BINARY: binary,
    });
    const outside = {
      MONGODB_URI: mongod.uri,
      JWT_SIGNING_KEY: 'a signing key for starts, long enough for HS256',
    };
    const times: StartTimes = { cold: [], warm: [], outside: [], mongodVersion: version ?? '' };
    // Creates the indexes, and loads the program's files into the page cache for all later starts.
    await timeStart(outside);
    for (let round = 0; round < rounds; round += 1) {
      times.cold.push(await timeStart(embedded(round)));
      times.warm.push(await timeStart(embedded(round)));
      times.outside.push(await timeStart(outside));
    }
    return times;
  } finally {
    await mongod.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures one start, then stops the server with SIGTERM. */
async function timeStart(settings: NodeJS.ProcessEnv): Promise<number> {
  const { PATH, HOME } = process.env;
  const port = await findFreePort();
  const environment = { PATH, HOME, METRICS_PORT: '0', ...settings, PORT: String(port) };
  const started = performance.now();
  const server = spawn(process.execPath, ['server/cli/queuepass.mjs', 'serve'], {
    env: environment,
    stdio: 'ignore',
  });
  const ended = new Promise((done) => server.once('exit', done));
  try {
    await untilReady(server, `http://127.0.0.1:${port}/readyz`);
    return performance.now() - started;
  } finally {
    server.kill('SIGTERM');
    await ended;
  }
}

async function untilReady(server: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server exited with ${server.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await wait(10);
  }
}
