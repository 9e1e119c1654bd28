import { access, chmod, constants, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DiskFullError, StartError } from '../errors/start-error.js';
import { findMongod } from './find-mongod.js';
import { explainMongodExit, presentExit } from './mongod-log.js';
import type { MongodExit, MongodProcess } from './mongod-process.js';
import { embeddedMongodUri, embeddedSocketPath, removeSocketDirectory } from './mongod-socket.js';
import { runEmbeddedMongod } from './run-embedded-mongod.js';

export { embeddedMongodUri };

const MAX_RESTARTS = 3;

/**
 * The input of the embedded MongoDB. `onFailed` is called once, if mongod died and could not be kept running.
 * `lockWaitMs` is how long to wait for a data directory that another mongod uses, 10 s by default.
 */
export interface EmbeddedMongodInput {
  dataDir: string;
  environment: NodeJS.ProcessEnv;
  report: (line: string) => void;
  onFailed: (error: StartError) => void;
  lockWaitMs?: number;
}

/** A running embedded MongoDB: its connection string, which names no database, and a function that stops it cleanly. */
export interface EmbeddedMongod {
  uri: string;
  stop(): Promise<void>;
}

/**
 * Starts a MongoDB on the data directory and resolves when it is the primary of a one-node replica set. Only this user
 * can connect to it, through a socket. It stops when this process ends for any reason. If it dies earlier, it is
 * restarted, at most three times.
 * @throws {StartError} with a message for the operator.
 */
export async function startEmbeddedMongod(input: EmbeddedMongodInput): Promise<EmbeddedMongod> {
  const dataDir = resolve(input.dataDir);
  await makeDataDirectory(dataDir);
  const { binary } = await findMongod({ ...input, dataDir });
  const supervisor = new MongodSupervisor({ ...input, dataDir }, binary);
  await supervisor.start();
  return { uri: embeddedMongodUri(dataDir), stop: () => supervisor.stop() };
}

class MongodSupervisor {
  #mongod: MongodProcess | undefined;
  #starting: Promise<void> | undefined;
  #stopping = false;
  #restarts = 0;

  constructor(
    readonly input: EmbeddedMongodInput,
    readonly binary: string,
  ) {}

  async start(): Promise<void> {
    const mongod = await runEmbeddedMongod(this.binary, this.input);
    this.#mongod = mongod;
    void mongod.ended.then((exit) => this.#onEnd(exit));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#starting;
    await this.#mongod?.stop();
    removeSocketDirectory(this.input.dataDir, embeddedSocketPath(this.input.dataDir));
  }

  #onEnd(exit: MongodExit): void {
    if (this.#stopping) return;
    this.#starting = this.#restart(exit);
  }

  async #restart(exit: MongodExit): Promise<void> {
    const { dataDir, report, onFailed } = this.input;
    let reason = await explainMongodExit(exit, dataDir, join(dataDir, 'mongod.log'));
    report(`MongoDB ended by itself (${presentExit(exit)})`);
    while (!this.#stopping && this.#restarts < MAX_RESTARTS) {
      this.#restarts += 1;
      report(`starting MongoDB again (${this.#restarts} of ${MAX_RESTARTS})`);
      try {
        return await this.start();
      } catch (error) {
        const startError = error as StartError;
        report(startError.message);
        // A failed start frees some disk space, and the next mongod may have no room left to log why it ends.
        if (!(reason instanceof DiskFullError)) reason = startError;
      }
    }
    if (!this.#stopping) onFailed(new StartError(`MongoDB could not be kept running: ${reason.message}`));
  }
}

async function makeDataDirectory(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    // A mounted volume may belong to another user and be writable by our group: the files inside are 0600 or 0700.
    await chmod(dataDir, 0o700).catch(() => undefined);
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
    await mkdir(join(dataDir, 'db'), { recursive: true, mode: 0o700 });
    await access(join(dataDir, 'db'), constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(`The data directory ${dataDir} cannot be written: ${(error as Error).message}`);
  }
}
