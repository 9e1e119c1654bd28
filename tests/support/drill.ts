import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { makeFolder } from './own-mongod.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { testMongodbUri } from './start-server.js';

/**
 * Returns the URI of a database of the shared MongoDB, for server processes. The database is dropped if the test
 * passes.
 */
export function makeDatabaseUri(t: ExecutionContext): string {
  const uri = testMongodbUri().replace('/?', `/drill_${randomBytes(8).toString('hex')}?`);
  t.teardown(async () => {
    const client = new MongoClient(uri);
    if (t.passed) await client.db().dropDatabase();
    await client.close();
  });
  return uri;
}

/** A host that runs servers. Its directory holds the files that the settings name. */
export class Host {
  readonly folder = makeFolder();
  readonly #servers: ServerProcess[] = [];

  /** @param settings the settings of all its servers, which a test can change between restarts */
  constructor(
    readonly t: ExecutionContext,
    readonly settings: Record<string, string>,
  ) {
    // A drill starts many processes, one after the other.
    t.timeout(280_000);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text, { mode: 0o600 });
  }

  server(n: number): ServerProcess {
    return this.#servers[n] as ServerProcess;
  }

  /** Starts server `n`, or shuts it down and starts it again with the current settings. */
  async restart(n: number): Promise<ServerProcess> {
    const before = this.#servers[n];
    if (before !== undefined) await this.stop(n);
    const { folder, settings } = this;
    const server = await startServerProcess(this.t, { folder, settings: { ...settings } });
    this.#servers[n] = server;
    return server;
  }

  /** Shuts server `n` down with SIGTERM. @throws Error if it does not exit with 0. */
  async stop(n: number): Promise<void> {
    this.server(n).kill('SIGTERM');
    const exit = await this.server(n).exited;
    if (exit.code !== 0) throw new Error(`the server did not exit with 0: ${this.server(n).stderr()}`);
  }
}

/** Returns the environment with which `queuepass` acts as the admin whose key is in a file. */
export function asAdmin({ url }: ServerProcess, keyFile = 'admin-key'): Record<string, string> {
  return {
    QUEUEPASS_SERVER: url,
    QUEUEPASS_CLIENT_ID: 'testflinger-admin',
    QUEUEPASS_CLIENT_KEY_FILE: keyFile,
  };
}
