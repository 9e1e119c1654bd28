import { randomBytes } from 'node:crypto';
import type { AuthServices } from '../auth/services.js';
import { adminClientId } from '../clients/client-rights.js';
import { isLoopback } from '../config/loopback.js';
import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import { readOwnOrigin } from '../http/own-origin.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { SessionCollections } from './collections.js';
import { canSignInAt } from './cookies.js';
import { sessionErrors } from './errors.js';
import { allowsSessions } from './settings.js';

/** Milliseconds in which a link can be used. */
const linkMs = 15 * 60_000;

type PageSettings = Parameters<typeof allowsSessions>[0] &
  Parameters<typeof readOwnOrigin>[0] & { insecureCookies: boolean };

/**
 * Returns the URL of the page that uses a link, without the link's token; `undefined` if no link may or could be used: the
 * server listens elsewhere than on a loopback address, people cannot sign in, or not over plain http. With `PUBLIC_URL` the
 * page is there: the cookie of a session belongs to one host, and people use the pages under that one.
 * @param serverUrl where the server listens
 */
export function findOneTimePage(config: PageSettings, serverUrl: string): string | undefined {
  const [, host, name] = /^http:\/\/(\[?([^/\]]+?)\]?:\d+)$/.exec(serverUrl) ?? [];
  if (host === undefined || !isLoopback(name ?? '') || !allowsSessions(config)) return undefined;
  const origin = readOwnOrigin(config, { host, secure: false });
  return canSignInAt(config, origin) ? `${origin.baseUrl}/auth/once` : undefined;
}

/** Makes a link that signs in once as the built-in admin. @returns its token of 256 random bits, of which only the digest is stored */
export async function makeOneTimeLink(
  { oneTimeLinks }: Pick<SessionCollections, 'oneTimeLinks'>,
  now: Date,
): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + linkMs);
  await oneTimeLinks.insertOne({ _id: digest(token), client_id: adminClientId, expires_at: expiresAt });
  return token;
}

/** Ends a link, and returns the client that it signs in. @throws ApiError 401 for a link that was used, has expired or never was */
export async function useOneTimeLink(
  {
    clock,
    collections,
    findClient,
  }: Core & Pick<AuthServices, 'findClient'> & { collections: Pick<SessionCollections, 'oneTimeLinks'> },
  token: string,
): Promise<ClientRecord> {
  const link = await collections.oneTimeLinks.findOneAndDelete({
    _id: digest(token),
    expires_at: { $gt: clock.now() },
  });
  const record = link === null ? undefined : await findClient(link.client_id);
  if (record === undefined)
    throw new ApiError(sessionErrors.linkInvalid, { reason: 'one-time link not valid' });
  return record;
}

function digest(token: string): string {
  return sha256(token, 'base64url');
}
