import { hash as bcryptHash } from 'bcryptjs';
import type { Document } from 'mongodb';
import type { TestServer } from './start-server.js';

/** The whole answer to a login: what a client can tell two of them apart by, but for the time. */
export interface LoginAnswer {
  status: number;
  type: string | null;
  body: string;
  challenge: string | null;
  retryAfter: string | null;
  caching: string | null;
}

/** The answer to a failed login, by the seed route or with a form. */
export const loginFailed: LoginAnswer = {
  status: 401,
  type: 'text/plain; charset=utf-8',
  body: 'Invalid client id or client key',
  challenge: null,
  retryAfter: null,
  caching: 'no-store',
};

/** Reads all of an answer that tells something. */
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

/** A login by the seed route; without the header when there is no key. */
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

/** A login at oauth2/token: by the given Basic credentials, the given form, or both. */
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

/** A bcrypt hash of a version and cost; the version is only a mark, the hashes are the same. */
export async function makeHash(secret: string, cost: number, version = '2b'): Promise<string> {
  return (await bcryptHash(secret, cost)).replace(/^\$2.\$/, `$${version}$`);
}

/** The commands that MongoDB ran in this server's database meanwhile, on the given collection. */
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
