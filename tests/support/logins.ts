import { hash as bcryptHash } from 'bcryptjs';
import type { Document } from 'mongodb';
import type { TestServer } from './start-server.js';

/** All parts of a login response, except its timing, that a client can use to distinguish two of them. */
export interface LoginAnswer {
  status: number;
  type: string | null;
  body: string;
  challenge: string | null;
  retryAfter: string | null;
  caching: string | null;
}

/** The response to a failed login, on the Testflinger route or with a form. */
export const loginFailed: LoginAnswer = {
  status: 401,
  type: 'text/plain; charset=utf-8',
  body: 'Invalid client id or client key',
  challenge: null,
  retryAfter: null,
  caching: 'no-store',
};

/** Reads these parts of a response. */
export async function readAnswer(response: Response): Promise<LoginAnswer> {
  const { status, headers } = response;
  return {
    status,
    type: headers.get('content-type'),
    body: await response.text(),
    challenge: headers.get('www-authenticate'),
    retryAfter: headers.get('retry-after'),
    caching: headers.get('cache-control'),
  };
}

/** Logs in on the Testflinger route. Sends no `client-key` header when no key is given. */
export async function logIn(
  server: TestServer,
  clientId: string,
  key?: string,
  headers: Record<string, string> = {},
): Promise<LoginAnswer> {
  const path = `/v1/authenticate/token/${encodeURIComponent(clientId)}`;
  const sent = key === undefined ? headers : { ...headers, 'client-key': key };
  return readAnswer(await server.request(path, { headers: sent }));
}

/** Logs in on `/v1/oauth2/token` with Basic credentials, a form, or both. */
export async function askToken(
  server: TestServer,
  basic?: string,
  form?: Record<string, string>,
): Promise<LoginAnswer> {
  const encoded = basic === undefined ? undefined : Buffer.from(basic).toString('base64');
  return readAnswer(
    await server.request('/v1/oauth2/token', {
      method: 'POST',
      headers: encoded === undefined ? {} : { authorization: `Basic ${encoded}` },
      ...(form && { body: new URLSearchParams(form) }),
    }),
  );
}

/** Makes a bcrypt hash of the given cost. The version changes only the prefix, not the hash. */
export async function makeHash(secret: string, cost: number, version = '2b'): Promise<string> {
  return (await bcryptHash(secret, cost)).replace(/^\$2.\$/, `$${version}$`);
}

/** Lists the commands that MongoDB runs on a collection of this server's database during `run`. */
export async function listCommands(
  { deps }: TestServer,
  collection: string,
  run: () => Promise<unknown>,
): Promise<Document[]> {
  const { db } = deps.connection;
  await db.command({ profile: 2 });
  await run();
  await db.command({ profile: 0 });
  const commands = await db
    .collection('system.profile')
    .find({ ns: `${db.databaseName}.${collection}` })
    .toArray();
  await db.collection('system.profile').drop();
  return commands;
}
