import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { Session } from './collections.js';
import type { FoundSession } from './find-sessions-batch.js';
import { followPerson } from './follow-person.js';
import type { SessionServices } from './services.js';
import { allowsLocalSignIn } from './settings.js';

/** A session that holds, with its client's record. */
export interface LiveSession extends Session {
  record: ClientRecord;
}

/** Milliseconds between two writes of when a session was last seen. */
const seenEveryMs = 60_000;

const minuteMs = 60_000;

/** Returns the digest under which a session is stored. */
export function digestSessionId(id: string): string {
  return sha256(id, 'base64url');
}

/**
 * Returns the session of an id, and notes that it is in use; `undefined` if it has ended, or its client was removed, disabled or
 * is another one by now.
 */
export async function findLiveSession(
  deps: Core &
    Pick<AuthServices, 'collections'> &
    Pick<SessionServices, 'config' | 'collections' | 'findSession'> & { config: { oidc: boolean } },
  id: string,
): Promise<LiveSession | undefined> {
  const stored = await deps.findSession(digestSessionId(id));
  const now = deps.clock.now();
  if (stored === undefined || hasEnded(stored, now) || stored.isDisabled) return undefined;
  if (!allowsMethod(deps.config, stored.method)) return undefined;
  const found = hasRecord(stored) ? stored : await followPerson(deps, stored);
  if (found === undefined || !hasRecord(found) || found.isDisabled || hasLostOrigin(found, now))
    return undefined;
  const { record } = found;
  // Agents have no pages, and must keep to the calls of an agent.
  if (record.role === 'agent') return undefined;
  await noteUse(deps, found, now);
  return { ...found, record };
}

/** Returns whether the settings still allow the way in which a session was made. */
function allowsMethod(
  config: SessionServices['config'] & { oidc: boolean },
  method: Session['method'],
): boolean {
  if (method === 'oidc') return config.oidc;
  return method === 'once' || allowsLocalSignIn(config);
}

/** Returns whether a session is past one of its time limits. */
function hasEnded({ expires_at, idle_expires_at }: Session, now: Date): boolean {
  return expires_at <= now || (idle_expires_at !== undefined && idle_expires_at <= now);
}

/** Returns whether the record is that of the person who signed in: an e-mail address can pass to another person. */
function hasRecord(session: FoundSession): session is FoundSession & LiveSession {
  const { iss, sub, record } = session;
  if (record === undefined) return false;
  return sub === (record.sub ?? undefined) && (iss === record.iss || record.iss == null);
}

/** Returns whether the key or the secret that signed in has ended or has changed. */
function hasLostOrigin({ origin, key, client_id, record }: FoundSession, now: Date): boolean {
  if (origin?.key_id !== undefined) {
    if (key?.client_id !== client_id) return true;
    return key.expires_at !== undefined && key.expires_at <= now;
  }
  return (
    origin?.hash_sha256 !== undefined &&
    origin.hash_sha256 !== sha256(record?.client_secret_hash ?? '', 'hex')
  );
}

async function noteUse(
  { config, collections }: Core & Pick<SessionServices, 'config' | 'collections'>,
  session: FoundSession,
  now: Date,
): Promise<void> {
  if (now.getTime() - session.last_seen_at.getTime() < seenEveryMs) return;
  const idle = presentIdleEnd(config, now);
  await collections.sessions.updateOne({ _id: session._id }, { $max: { last_seen_at: now, ...idle } });
  Object.assign(session, { last_seen_at: now, ...idle });
}

/** Returns when a session that is in use now ends if nobody uses it again. */
export function presentIdleEnd(
  { sessionIdleMinutes }: Pick<SessionServices['config'], 'sessionIdleMinutes'>,
  now: Date,
): Pick<Session, 'idle_expires_at'> {
  if (sessionIdleMinutes === 0) return {};
  return { idle_expires_at: new Date(now.getTime() + sessionIdleMinutes * minuteMs) };
}
