import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { httpErrors } from '../http/errors.js';
import type { CredentialScheme } from '../http/scheme.js';
import { presentPermissions } from '../principal/permissions.js';
import { makePrincipal } from '../principal/principal.js';
import { readCookie } from './cookies.js';
import { findLiveSession } from './find-live-session.js';
import type { SessionServices } from './services.js';
import { allowsSessions } from './settings.js';

type SessionDeps = Core &
  Pick<AuthServices, 'collections'> &
  Pick<SessionServices, 'config' | 'collections' | 'findSession'> & { config: { oidc: boolean } };

/** The session of a person's browser, with the role that the client's record has now. */
const session: CredentialScheme<SessionDeps> = {
  isAmbient: true,
  openApi: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-queuepass_session',
    description:
      'The session of a browser that is signed in. A request that changes something also needs the header `X-CSRF-Token`, with the token that `GET /v1/session` returns.',
  },
  errors: [httpErrors.crossSite],
  read: (request, { config }) =>
    allowsSessions(config) ? readCookie('session', config, request) : undefined,
  async verify(deps, id, request) {
    const live = await findLiveSession(deps, id);
    if (live === undefined) return undefined;
    const { record, sub, handle, created_at, idle_expires_at, expires_at } = live;
    const { name, email } = record;
    const identity = {
      role: record.role ?? 'contributor',
      clientId: record.client_id,
      permissions: presentPermissions(record),
      session: {
        id,
        handle,
        created_at,
        expires_at,
        ...(sub !== undefined && { sub }),
        ...(idle_expires_at && { idle_expires_at }),
        ...(typeof name === 'string' && { name }),
        ...(typeof email === 'string' && { email }),
      },
    };
    return makePrincipal(identity, request);
  },
};

/**
 * The cookie of a browser that is about to sign in. It proves nothing about the caller: forms before sign-in are bound to it. A
 * browser without it has an empty secret, to which no token belongs.
 */
const loginCookie: CredentialScheme<SessionDeps> = {
  isAmbient: true,
  openApi: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-queuepass_login',
    description: 'Of a browser that is about to sign in; the form of the page needs it.',
  },
  errors: [httpErrors.crossSite],
  read: (request, { config }) => readCookie('login', config, request) ?? '',
  verify: (_deps, _secret, request) => makePrincipal({ role: '' }, request),
};

/** The credential schemes of browsers. */
export const sessionSchemes = { session, loginCookie };
