import { signAccessToken } from '../../server/auth/access-token.js';
import type { ClientRecord } from '../../server/principal/client-record.js';
import type { TestServer } from './start-server.js';

/** Signs an access token with the given fields. No client record or login is needed. */
export function makeToken({ deps }: TestServer, record: Partial<ClientRecord> = {}): string {
  return signAccessToken(deps, { client_id: 'somebody', ...record });
}

/** Returns the `Authorization` header with such a token. */
export function bearer(server: TestServer, record: Partial<ClientRecord> = {}): { authorization: string } {
  return { authorization: `Bearer ${makeToken(server, record)}` };
}

/** Stores a client whose key is `secret`, hashed with bcrypt at the server's cost unless the record has a hash. */
export async function addClient(
  { deps }: TestServer,
  record: Partial<ClientRecord> & { client_id: string },
  secret?: string,
): Promise<ClientRecord> {
  const hash = secret === undefined ? {} : { client_secret_hash: await deps.bcryptPool.hash(secret) };
  const stored: ClientRecord = {
    role: 'contributor',
    max_priority: {},
    max_reservation_time: {},
    allowed_queues: [],
    ...hash,
    ...record,
  };
  await deps.collections.clients.insertOne({ ...stored });
  return stored;
}

/** Returns the method, headers and body of a JSON request. */
export function jsonBody(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
}
