import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import { authErrors } from '../auth/errors.js';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { makeCsrfToken } from '../http/csrf-token.js';
import { empty, json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { Principal } from '../principal/principal.js';
import { roleGroups } from '../principal/roles.js';
import { bool, openObject, text } from '../schema/schema.js';
import { endOtherSessions, endSession, listSessions, maxListedSessions } from './end-sessions.js';
import { sessionErrors } from './errors.js';
import type { SessionServices } from './services.js';
import { allowsSessions } from './settings.js';

type RouteDeps = Core & Pick<SessionServices, 'collections' | 'config'> & { config: { oidc: boolean } };
const route = routesOf<RouteDeps>();

const isOn = ({ config }: RouteDeps) => allowsSessions(config);
const time = z.iso.datetime();

const sessionAnswer = z.strictObject({
  client_id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  role: z.string(),
  csrf_token: z.string(),
  created_at: time,
  idle_expires_at: time.nullable(),
  expires_at: time,
});

const listedSession = z.strictObject({
  handle: z.string(),
  /** Only in the list of everybody's sessions. */
  client_id: z.string().optional(),
  created_at: time,
  last_seen_at: time,
  source: z.string(),
  user_agent: z.string().nullable(),
  current: z.boolean(),
});

/** The routes of sessions. */
export const sessionRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/session',
    isOn,
    family: 'own',
    summary: 'Get who is signed in, and the token that requests with the session need',
    access: { anyone: true, schemes: ['session'] },
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The session.', content: sessionAnswer } },
    errors: [sessionErrors.notSignedIn],
    noStore: true,
    handle(_deps, { principal: { session, clientId, role } }) {
      if (session === undefined) throw new ApiError(sessionErrors.notSignedIn);
      return json({
        client_id: clientId,
        name: session.name ?? null,
        email: session.email ?? null,
        role,
        csrf_token: makeCsrfToken(session.id),
        created_at: session.created_at.toISOString(),
        idle_expires_at: session.idle_expires_at?.toISOString() ?? null,
        expires_at: session.expires_at.toISOString(),
      });
    },
  }),
  route({
    method: 'GET',
    path: '/v1/sessions',
    isOn,
    family: 'own',
    summary: 'List the sessions of the caller, or, for admins, of another client or of everybody',
    access: { roles: roleGroups.submitters, readsDependOnRole: true },
    audit: { none: 'a read changes nothing' },
    query: openObject({ client_id: text().optional(), all: bool().optional() }),
    answers: {
      200: {
        description: `The sessions, the newest first, at most ${maxListedSessions}. With \`all=true\`, those of everybody, each with its \`client_id\` (admins only).`,
        content: z.array(listedSession),
      },
    },
    errors: [authErrors.authenticationRequired, sessionErrors.otherSessions],
    noStore: true,
    async handle(deps, { query, principal: caller }) {
      checkKnown(caller);
      const { client_id: clientId, all = false } = query;
      const sessions = await listSessions(deps, caller, { clientId, all });
      return json(
        sessions.map(({ handle, client_id, created_at, last_seen_at, source, user_agent = null }) => {
          const current = handle === caller.session?.handle;
          const owner = all && { client_id };
          return { handle, ...owner, created_at, last_seen_at, source, user_agent, current };
        }),
      );
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/sessions/{handle}',
    isOn,
    family: 'own',
    summary: 'End a session of the caller, or of anybody for admins',
    access: { roles: roleGroups.submitters },
    audit: ['session_ended'],
    answers: { 204: { description: 'The session has ended, on all servers at once.', content: 'none' } },
    errors: [authErrors.authenticationRequired, sessionErrors.sessionNotFound],
    async handle(deps, { params, principal: caller }) {
      checkKnown(caller);
      const owner = await endSession(deps, caller, params.handle);
      await auditChange(deps, caller, 'session_ended', owner, { detail: { session: params.handle } });
      return empty();
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/sessions',
    isOn,
    family: 'own',
    summary: 'End all sessions of the caller but the one of the request',
    access: { roles: roleGroups.submitters },
    audit: ['session_ended'],
    answers: { 204: { description: 'The sessions have ended, on all servers at once.', content: 'none' } },
    errors: [authErrors.authenticationRequired],
    async handle(deps, { principal: caller }) {
      const clientId = checkKnown(caller);
      await endOtherSessions(deps, caller);
      await auditChange(deps, caller, 'session_ended', clientId, { detail: { session: 'all others' } });
      return empty();
    },
  }),
];

/** Returns the caller's client id. @throws ApiError 401 for an anonymous caller, who has no sessions */
function checkKnown({ clientId }: Principal): string {
  if (clientId === undefined) throw new ApiError(authErrors.authenticationRequired);
  return clientId;
}
