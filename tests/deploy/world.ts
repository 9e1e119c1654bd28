import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { makeFolder } from '../support/own-mongod.js';
import type { Owner } from '../support/server-process.js';

/** The absolute path of a file in the repository. */
export function repositoryPath(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The command that runs the built server, as the unit and the image do. */
export const builtServer: readonly string[] = [
  process.execPath,
  repositoryPath('server/cli/queuepass.mjs'),
  'serve',
];

const signingKey = randomBytes(48).toString('base64url');

/** What all checks share: one MongoDB, a directory, and the list of teardowns. */
export interface World extends Owner {
  folder: string;
  mongodbUri: string;
  /** The settings of a server on its own database. */
  settingsFor(database: string): Record<string, string>;
  end(): Promise<void>;
}

/** Starts the MongoDB. */
export async function createWorld(): Promise<World> {
  const folder = makeFolder();
  const teardowns: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const mongod = await startEmbeddedMongod({
    dataDir: join(folder, 'mongodb'),
    environment: process.env,
    report: (line) => console.log(line),
    onFailed: (error) => {
      throw error;
    },
  });
  teardowns.push(() => mongod.stop());
  return {
    folder,
    mongodbUri: mongod.uri,
    settingsFor: (database) => ({
      MONGODB_URI: mongod.uri,
      MONGODB_DATABASE: database,
      JWT_SIGNING_KEY: signingKey,
      METRICS_PORT: '0',
    }),
    teardown: (end: () => unknown) => void teardowns.push(end),
    async end() {
      for (const task of teardowns.reverse()) await task();
    },
  };
}

/** The headers of a client with a token of that role. The token names each of `queues`. */
export function bearer(
  role: 'contributor' | 'agent',
  queues: readonly string[] = [],
): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(signingKey), clock: { now: () => new Date() } };
  const priorities = Object.fromEntries([...queues, '*'].map((queue) => [queue, 100]));
  const token = signAccessToken(signer, { client_id: role, role, max_priority: priorities });
  return { authorization: `Bearer ${token}`, ...(role === 'agent' && { cookie: 'agent_name=deployed' }) };
}
