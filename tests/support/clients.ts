import { signAccessToken } from '../../server/auth/access-token.js';
import type { ClientRecord } from '../../server/db/collections.js';
import type { TestServer } from './start-server.js';

/** A token of this server that states the given fields, without a record or a login behind it. */
export function makeToken({ deps }: TestServer, record: Partial<ClientRecord> = {}): string {
  return signAccessToken(deps, { client_id: 'somebody', ...record });
}

/** The `Authorization` header of such a token. */
export function bearer(server: TestServer, record: Partial<ClientRecord> = {}): { authorization: string } {
  return { authorization: `Bearer ${makeToken(server, record)}` };
}

/** A client in the database whose key is `secret` (bcrypt, cost of the server unless a hash is given). */
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

/** Headers and body of a JSON request. */
export function jsonBody(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  };
}
