import { request } from 'node:http';
import { join } from 'node:path';
import { makeFolder } from '../support/own-mongod.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { builtServer, type World } from './world.js';

/** A server process on a unix socket, and another one in its place after a restart. */
export class SocketServer {
  readonly socket: string;
  #process: ServerProcess | undefined;

  constructor(
    readonly world: World,
    readonly settings: Record<string, string>,
  ) {
    this.socket = join(makeFolder(), 'http.sock');
  }

  get process(): ServerProcess {
    if (!this.#process) throw new Error('it was not started');
    return this.#process;
  }

  /** Starts it and waits until it is ready. */
  async start(): Promise<void> {
    this.#process = await startServerProcess(this.world, {
      command: builtServer,
      settings: { ...this.settings, LISTEN: this.socket },
    });
    const status = await this.ask('/readyz');
    if (status !== 200) throw new Error(`/readyz answered ${status}`);
  }

  /** SIGTERM, its end, and the next one. @throws Error when it did not end in good order. */
  async restart(): Promise<void> {
    this.process.kill('SIGTERM');
    const { code, signal } = await this.process.exited;
    if (code !== 0) throw new Error(`it ended with ${code ?? signal}: ${this.process.stderr()}`);
    await this.start();
  }

  /** The status of an answer over the socket. */
  ask(path: string): Promise<number | undefined> {
    return askSocket(this.socket, path);
  }
}

/** The status of one GET over a unix socket. */
export function askSocket(socketPath: string, path: string): Promise<number | undefined> {
  return new Promise((done, failed) => {
    const sent = request({ socketPath, path, headers: { connection: 'close' } }, (response) => {
      response.resume().once('end', () => done(response.statusCode));
    });
    sent.once('error', failed).end();
  });
}
