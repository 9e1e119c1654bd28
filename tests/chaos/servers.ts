import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../support/own-mongod.js';
import { type Owner, type ServerProcess, startServerProcess } from '../support/server-process.js';

/** One server with all its successive processes. */
export class ServerSlot {
  #server: ServerProcess | undefined;
  readonly #folder = makeFolder();
  /** The end of the output of earlier processes. */
  #log = '';

  constructor(
    readonly owner: Owner,
    readonly settings: Record<string, string>,
  ) {}

  /** The port while the server runs. Each process has another port. */
  get port(): number | undefined {
    const { url } = this.#server ?? {};
    return url ? Number(new URL(url).port) : undefined;
  }

  /** The output of this process and the end of the output of earlier ones. */
  get log(): string {
    const { stdout, stderr } = this.#server ?? {};
    return this.#log + (stdout?.() ?? '') + (stderr?.() ?? '');
  }

  async start(): Promise<void> {
    const { folder, settings } = { folder: this.#folder, settings: this.settings };
    this.#server = await startServerProcess(this.owner, { folder, settings });
  }

  /** Kills the process with kill -9 and starts another after `waitMs`. Resolves when that listens. */
  async replace(waitMs: number): Promise<void> {
    const killed = this.#server;
    this.#log = this.log.slice(-100_000);
    this.#server = undefined;
    killed?.kill('SIGKILL');
    await killed?.exited;
    await sleep(waitMs);
    await this.start();
  }
}
