import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signAccessToken } from '../../server/auth/access-token.js';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { startEmbeddedMongod } from '../../server/mongod/embedded-mongod.js';
import { makeFolder } from '../support/own-mongod.js';
import type { Owner } from '../support/server-process.js';

/** A file of the repository, as a path. */
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

/** What all checks share: one MongoDB, a folder, and who ends what they start. */
export interface World extends Owner {
  folder: string;
  mongodbUri: string;
  /** Settings of a server on a database of its own. */
  settingsFor(database: string): Record<string, string>;
  end(): Promise<void>;
}

/** Starts the MongoDB. */
export async function createWorld(): Promise<World> {
  const folder = makeFolder();
  const enders: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const mongod = await startEmbeddedMongod({
    dataDir: join(folder, 'mongodb'),
    environment: process.env,
    report: (line) => console.log(line),
    onGone: (error) => {
      throw error;
    },
  });
  enders.push(() => mongod.stop());
  return {
    folder,
    mongodbUri: mongod.uri,
    settingsFor: (database) => ({
      MONGODB_URI: mongod.uri,
      MONGODB_DATABASE: database,
      JWT_SIGNING_KEY: signingKey,
      METRICS_PORT: '0',
    }),
    teardown: (end: () => unknown) => void enders.push(end),
    async end() {
      for (const ender of enders.reverse()) await ender();
    },
  };
}

/** The headers of a client with a pass of that role; `queues` are named in it one by one. */
export function bearer(
  role: 'contributor' | 'agent',
  queues: readonly string[] = [],
): Record<string, string> {
  const signer = { signingKeys: readSigningKeys(signingKey), clock: { now: () => new Date() } };
  const priorities = Object.fromEntries([...queues, '*'].map((queue) => [queue, 100]));
  const token = signAccessToken(signer, { client_id: role, role, max_priority: priorities });
  return { authorization: `Bearer ${token}`, ...(role === 'agent' && { cookie: 'agent_name=deployed' }) };
}
