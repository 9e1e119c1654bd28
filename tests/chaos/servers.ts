import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../support/own-mongod.js';
import { type Owner, type ServerProcess, startServerProcess } from '../support/server-process.js';

/** A place where a server process runs, and another one after it was killed. */
export class ServerSlot {
  #server: ServerProcess | undefined;
  readonly #folder = makeFolder();
  /** What all its processes wrote, the last of it. */
  #log = '';

  constructor(
    readonly owner: Owner,
    readonly settings: Record<string, string>,
  ) {}

  /** Its port while it runs; processes come back on other ones. */
  get port(): number | undefined {
    const { url } = this.#server ?? {};
    return url ? Number(new URL(url).port) : undefined;
  }

  /** The last that it wrote, of this process and those before. */
  get log(): string {
    const { stdout, stderr } = this.#server ?? {};
    return this.#log + (stdout?.() ?? '') + (stderr?.() ?? '');
  }

  async start(): Promise<void> {
    const { folder, settings } = { folder: this.#folder, settings: this.settings };
    this.#server = await startServerProcess(this.owner, { folder, settings });
  }

  /** kill -9, and another process after so many milliseconds; resolves when that listens. */
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
