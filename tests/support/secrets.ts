import { randomBytes } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { MongoClient } from 'mongodb';
import { getKeyVault } from '../../server/secrets/data-keys.js';
import { bearer, jsonBody } from './clients.js';
import { readCsfleVectors } from './csfle-vectors.js';
import { makeFolder, startOwnMongod } from './own-mongod.js';
import type { TestServer } from './start-server.js';
import { startVault } from './vault-server.js';

/** Each store by its name, and the settings that choose it; all tests share one key vault, and so one master key. */
export const secretsStores: Record<string, (t: ExecutionContext) => Promise<Record<string, string>>> = {
  MongoDB: () => Promise.resolve({ TESTFLINGER_SECRETS_MASTER_KEY: readCsfleVectors().masterKeyText }),
  Vault: async (t) => (await startVault(t)).settings,
};

/** An answer with its body, parsed where it is JSON. */
export interface SecretAnswer {
  status: number;
  body: unknown;
}

/** PUT of a secret as the client of that id, with a token of it unless other headers are given. */
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

/** DELETE of a secret, likewise; the body as text. */
export async function deleteSecret(
  server: TestServer,
  place: string,
  headers: Record<string, string> = bearer(server, { client_id: place.split('/')[0] as string }),
): Promise<SecretAnswer> {
  const response = await server.request(`/v1/secrets/${place}`, { method: 'DELETE', headers });
  return { status: response.status, body: await response.text() };
}

/** Submits a job of `ci` that names secrets (identifier to path). */
export async function submitWith(
  server: TestServer,
  secrets: Record<string, string>,
  headers: Record<string, string> = bearer(server, { client_id: 'ci' }),
): Promise<SecretAnswer> {
  const job = { job_queue: 'q1', test_data: { test_cmds: 'ls', secrets } };
  const response = await server.request('/v1/job', jsonBody(job, headers));
  return { status: response.status, body: await response.json() };
}

/** A key vault of the test's own: the collection's connection string, for TESTFLINGER_KEY_VAULT_URI, and the collection. */
export async function startKeyVault(t: ExecutionContext) {
  const mongod = await startOwnMongod(t, makeFolder());
  const client = new MongoClient(mongod.uri);
  t.teardown(() => client.close());
  return { uri: mongod.uri, client, vault: getKeyVault(client) };
}

/** A new master key as its setting has it. */
export function makeMasterKey(): string {
  return randomBytes(96).toString('base64');
}

/** The identifiers and values of the secrets that a claimed job came with. */
export function secretsOf(job: Record<string, unknown> | undefined): unknown {
  return (job?.test_data as { secrets?: unknown } | undefined)?.secrets;
}
