import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { may } from '../principal/may.js';
import type { Principal } from '../principal/principal.js';
import type { Session } from './collections.js';
import { sessionErrors } from './errors.js';
import type { SessionServices } from './services.js';

type Needs = Core & Pick<SessionServices, 'collections'>;

/** Maximum number of sessions in one list. */
export const maxListedSessions = 1000;

/** Which sessions to list: those of a client, by default the caller's own, or all. */
export interface SessionFilter {
  clientId?: string | undefined;
  all?: boolean | undefined;
}

/**
 * Lists the sessions that have not ended, the newest first.
 * @throws ApiError 403 for those of others, unless the caller is an admin
 */
export async function listSessions(
  { clock, collections }: Needs,
  caller: Principal,
  { clientId = caller.clientId as string, all = false }: SessionFilter,
): Promise<Session[]> {
  const isAllowed = all
    ? may(caller, 'listAllSessions', {})
    : may(caller, 'manageSession', { client_id: clientId });
  if (!isAllowed) throw new ApiError(sessionErrors.otherSessions);
  const now = clock.now();
  return collections.sessions
    .find({
      ...(!all && { client_id: clientId }),
      expires_at: { $gt: now },
      // Also matches sessions without this limit.
      idle_expires_at: { $not: { $lte: now } },
    })
    .sort({ created_at: -1 })
    .limit(maxListedSessions)
    .toArray();
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
