import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { makeFolder } from './own-mongod.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { testMongodbUri } from './start-server.js';

/** A database of the MongoDB of all tests, for server processes; dropped at the end of a test that passed. */
export function makeDatabaseUri(t: ExecutionContext): string {
  const uri = testMongodbUri().replace('/?', `/drill_${randomBytes(8).toString('hex')}?`);
  t.teardown(async () => {
    const client = new MongoClient(uri);
    if (t.passed) await client.db().dropDatabase();
    await client.close();
  });
  return uri;
}

/** A host of servers: its folder holds the files that the settings name. */
export class Host {
  readonly folder = makeFolder();
  readonly #servers: ServerProcess[] = [];

  /** @param settings of all its servers; may be changed between restarts */
  constructor(
    readonly t: ExecutionContext,
    readonly settings: Record<string, string>,
  ) {
    // A drill is many starts of processes, one after the other.
    t.timeout(280_000);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text, { mode: 0o600 });
  }

  server(n: number): ServerProcess {
    return this.#servers[n] as ServerProcess;
  }

  /** Starts the server of that number, or restarts it in good order with the settings as they are now. */
  async restart(n: number): Promise<ServerProcess> {
    const before = this.#servers[n];
    if (before !== undefined) await this.stop(n);
    const { folder, settings } = this;
    const server = await startServerProcess(this.t, { folder, settings: { ...settings } });
    this.#servers[n] = server;
    return server;
  }

  /** Ends a server in good order. */
  async stop(n: number): Promise<void> {
    this.server(n).kill('SIGTERM');
    const exit = await this.server(n).exited;
    if (exit.code !== 0) throw new Error(`the server ended badly: ${this.server(n).stderr()}`);
  }
}

/** The environment by which `queuepass` acts as the admin whose key is in a file. */
export function asAdmin({ url }: ServerProcess, keyFile = 'admin-key'): Record<string, string> {
  return {
    QUEUEPASS_SERVER: url,
    QUEUEPASS_CLIENT_ID: 'testflinger-admin',
    QUEUEPASS_CLIENT_KEY_FILE: keyFile,
  };
}
