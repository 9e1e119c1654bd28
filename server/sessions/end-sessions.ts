import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import type { Session } from './collections.js';
import { sessionErrors } from './errors.js';
import { hasEnded } from './find-live-session.js';
import type { SessionServices } from './services.js';

type Needs = Core & Pick<SessionServices, 'collections'>;

/**
 * Lists the sessions of a client that have not ended, the newest first.
 * @param clientId by default the caller's own
 * @throws ApiError 403 for those of another client, unless the caller is an admin
 */
export async function listSessions(
  { clock, collections }: Needs,
  caller: Principal,
  clientId: string | undefined,
): Promise<Session[]> {
  const owner = clientId ?? (caller.clientId as string);
  if (!may(caller, 'manageSession', { client_id: owner })) throw new ApiError(sessionErrors.otherSessions);
  const now = clock.now();
  const all = await collections.sessions.find({ client_id: owner }).sort({ created_at: -1 }).toArray();
  return all.filter((session) => !hasEnded(session, now));
}

/**
 * Ends one session: the caller's own, or any for an admin.
 * @returns the client whose session it was
 * @throws ApiError 404 for a session that does not exist or that the caller may not end
 */
export async function endSession({ collections }: Needs, caller: Principal, handle: string): Promise<string> {
  const found = await collections.sessions.findOne({ handle });
  if (found === null || !may(caller, 'manageSession', found))
    throw new ApiError(sessionErrors.sessionNotFound);
  await collections.sessions.deleteOne({ _id: found._id });
  return found.client_id;
}

/** Ends all sessions of the caller but the one of the request. */
export async function endOtherSessions({ collections }: Needs, caller: Principal): Promise<void> {
  const kept = caller.session?.handle;
  await collections.sessions.deleteMany({
    client_id: caller.clientId as string,
    ...(kept !== undefined && { handle: { $ne: kept } }),
  });
}
