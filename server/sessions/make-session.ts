import { randomBytes } from 'node:crypto';
import type { TokenOrigin } from '../auth/collections.js';
import type { Core } from '../core/core.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { Session } from './collections.js';
import { presentCookie, readCookie } from './cookies.js';
import { digestSessionId, presentIdleEnd } from './find-live-session.js';
import type { SessionServices } from './services.js';

/** Characters of a browser's name that are kept. */
const maxUserAgent = 256;

const hourMs = 3600_000;

/** A sign-in that has succeeded. */
export interface SignIn {
  record: ClientRecord;
  method: Session['method'];
  /** The key or the secret that signed in. */
  origin?: TokenOrigin;
  /** Makes the sealed tokens of the session, whose id is their context. */
  sealTokens?: (id: string) => NonNullable<Session['tokens']>;
}

/** The request that signs in. */
interface SignInRequest {
  principal: { source: string };
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
}

/**
 * Makes a session with a new id, which replaces the browser's earlier session.
 * @returns the `Set-Cookie` header of the new session. The cookie of a browser that is about to sign in stays until it expires, since
 * another tab may need it.
 */
export async function makeSession(
  { clock, config, collections }: Core & Pick<SessionServices, 'config' | 'collections'>,
  { record, method, origin, sealTokens }: SignIn,
  request: SignInRequest,
): Promise<{ cookie: string; handle: string }> {
  const id = randomBytes(32).toString('base64url');
  // No base64url, which can begin with a hyphen: commands would take it for an option.
  const handle = randomBytes(12).toString('hex');
  const now = clock.now();
  const userAgent = request.header('user-agent')?.slice(0, maxUserAgent);
  await collections.sessions.insertOne({
    _id: digestSessionId(id),
    handle,
    client_id: record.client_id,
    ...(record.sub != null && { sub: record.sub }),
    ...(record.iss != null && { iss: record.iss }),
    method,
    created_at: now,
    last_seen_at: now,
    ...presentIdleEnd(config, now),
    expires_at: new Date(now.getTime() + config.sessionHours * hourMs),
    source: request.principal.source,
    ...(userAgent !== undefined && { user_agent: userAgent }),
    ...(origin && { origin }),
    ...(sealTokens && { tokens: sealTokens(id) }),
  });
  const earlier = readCookie('session', config, request);
  if (earlier !== undefined) await collections.sessions.deleteOne({ _id: digestSessionId(earlier) });
  return { handle, cookie: presentCookie('session', config, { value: id }) };
}
