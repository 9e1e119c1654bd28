import { randomBytes } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { getKeyVault } from '../../server/secrets/data-keys.js';
import { bearer, jsonBody } from './clients.js';
import { readCsfleVectors } from './csfle-vectors.js';
import { makeFolder, startOwnMongod } from './own-mongod.js';
import type { TestServer } from './start-server.js';
import { startVault } from './vault-server.js';

/**
 * The secrets stores by name, each with the settings that select it. All tests share one key vault and one master
 * key.
 */
export const secretsStores: Record<string, (t: ExecutionContext) => Promise<Record<string, string>>> = {
  MongoDB: () => Promise.resolve({ TESTFLINGER_SECRETS_MASTER_KEY: readCsfleVectors().masterKeyText }),
  Vault: async (t) => (await startVault(t)).settings,
};

/** A response with its body, parsed if it is JSON. */
export interface SecretAnswer {
  status: number;
  body: unknown;
}

/** Stores a secret with PUT, with a token of the client in the path unless other headers are given. */
export async function putSecret(
  server: TestServer,
  place: string,
  body: unknown,
  headers: Record<string, string> = bearer(server, { client_id: place.split('/')[0] as string }),
): Promise<SecretAnswer> {
  const response = await server.request(`/v1/secrets/${place}`, {
    ...jsonBody(body, headers),
    method: 'PUT',
  });
  return { status: response.status, body: await response.json() };
}

/** Deletes a secret in the same way. The body is returned as text. */
export async function deleteSecret(
  server: TestServer,
  place: string,
  headers: Record<string, string> = bearer(server, { client_id: place.split('/')[0] as string }),
): Promise<SecretAnswer> {
  const response = await server.request(`/v1/secrets/${place}`, { method: 'DELETE', headers });
  return { status: response.status, body: await response.text() };
}

/** Submits a job as `ci` that names secrets (identifier to path). */
export async function submitWith(
  server: TestServer,
  secrets: Record<string, string>,
  headers: Record<string, string> = bearer(server, { client_id: 'ci' }),
): Promise<SecretAnswer> {
  const job = { job_queue: 'q1', test_data: { test_cmds: 'ls', secrets } };
  const response = await server.request('/v1/job', jsonBody(job, headers));
  return { status: response.status, body: await response.json() };
}

/** Starts a separate key vault. `uri` is the value for TESTFLINGER_KEY_VAULT_URI, and `vault` the collection. */
export async function startKeyVault(t: ExecutionContext) {
  const mongod = await startOwnMongod(t, makeFolder());
  const client = new MongoClient(mongod.uri);
  t.teardown(() => client.close());
  return { uri: mongod.uri, client, vault: getKeyVault(client) };
}

/** Makes a new master key, in the form of its setting. */
export function makeMasterKey(): string {
  return randomBytes(96).toString('base64');
}

/** Returns the secrets of a claimed job: identifiers with their values. */
export function secretsOf(job: Record<string, unknown> | undefined): unknown {
  return (job?.test_data as { secrets?: unknown } | undefined)?.secrets;
}
