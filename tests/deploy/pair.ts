import { request } from 'node:http';
import { join } from 'node:path';
import { makeFolder } from '../support/own-mongod.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { builtServer, type World } from './world.js';

/** A server on a Unix socket. Each restart replaces its process. */
export class SocketServer {
  #process: ServerProcess | undefined;

  constructor(
    readonly world: World,
    readonly settings: Record<string, string>,
    readonly socket: string = join(makeFolder(), 'http.sock'),
  ) {}

  get process(): ServerProcess {
    if (!this.#process) throw new Error('the server was not started');
    return this.#process;
  }

  /** Starts the server and waits until it is ready. */
  async start(): Promise<void> {
    this.#process = await startServerProcess(this.world, {
      command: builtServer,
      settings: { ...this.settings, LISTEN: this.socket },
    });
    const status = await this.ask('/readyz');
    if (status !== 200) throw new Error(`/readyz returned ${status}`);
  }

  /** Ends the process with SIGTERM and starts the next one. @throws Error if the process does not exit with status 0. */
  async restart(): Promise<void> {
    this.process.kill('SIGTERM');
    const { code, signal } = await this.process.exited;
    if (code !== 0) throw new Error(`the server exited with ${code ?? signal}: ${this.process.stderr()}`);
    await this.start();
  }

  /** Sends a GET over the socket. Returns the status. */
  ask(path: string): Promise<number | undefined> {
    return askSocket(this.socket, path);
  }
}

/** Sends one GET over a Unix socket. Returns the status. */
export function askSocket(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((done, failed) => {
    const sent = request({ socketPath, path, headers: { connection: 'close' } }, (response) => {
      response.resume().once('end', () => done(response.statusCode));
    });
    sent.once('error', failed).end();
  });
}
