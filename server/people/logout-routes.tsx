import { auditChange } from '../audit/audit-change.js';
import type { Core } from '../core/core.js';
import { presentPage, redirect } from '../html/present-page.js';
import type { Reply } from '../http/reply.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import { openObject } from '../schema/schema.js';
import { presentCookie } from '../sessions/cookies.js';
import { digestSessionId } from '../sessions/find-live-session.js';
import { csrfField, HiddenFields } from '../sessions/form-fields.js';
import type { SessionServices } from '../sessions/services.js';
import { allowsSessions } from '../sessions/settings.js';
import { findEndpoint } from './provider-form.js';
import type { PeopleServices } from './services.js';

type RouteDeps = Core &
  Pick<SessionServices, 'collections' | 'config'> &
  Pick<PeopleServices, 'config' | 'provider'>;
const route = routesOf<RouteDeps>();

const path = '/auth/logout';
const isOn = ({ config }: RouteDeps) => allowsSessions(config);
const access = { anyone: true, schemes: ['session'] } as const;
const answers = {
  200: {
    description: "A page: with a link to the provider's own sign-out, or a question first.",
    content: { file: 'text/html; charset=utf-8' },
  },
  302: { description: 'Signed out; leads to the start page.', content: 'none' },
} as const;

/** The routes that end the caller's session. */
export const logoutRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path,
    isOn,
    refuseHead: true,
    family: 'html',
    summary: 'Sign out; a link on a page of another site leads to a question first',
    access,
    audit: ['session_ended'],
    answers,
    handle(deps, request) {
      if (isFromElsewhere(request) && request.principal.session !== undefined)
        return presentQuestion(request);
      return signOut(deps, request);
    },
  }),
  route({
    method: 'POST',
    path,
    isOn,
    family: 'html',
    summary: 'Sign out',
    access,
    audit: ['session_ended'],
    body: { mode: 'form', schema: openObject(csrfField) },
    answers,
    handle: (deps, request) => signOut(deps, request),
  }),
];

function presentQuestion(request: Pick<RouteRequest, 'origin' | 'csrfSecret'>): Reply {
  const children = (
    <form method="post" action={request.origin.basePath + path}>
      <HiddenFields secret={request.csrfSecret ?? ''} />
      <p>Another site led you here. Do you want to sign out?</p>
      <button type="submit">Sign out</button>
      <p>
        <a href={`${request.origin.basePath}/`}>Stay signed in</a>
      </p>
    </form>
  );
  return presentPage(request, { title: 'Sign out', children });
}

/** Returns whether a page of another site caused the request. */
function isFromElsewhere({ header }: Pick<RouteRequest, 'header'>): boolean {
  return ['cross-site', 'same-site'].includes(header('sec-fetch-site') ?? '');
}

async function signOut(
  deps: RouteDeps,
  request: Pick<RouteRequest, 'origin' | 'principal' | 'header'>,
): Promise<Reply> {
  const { config, collections } = deps;
  const { session, clientId = '' } = request.principal;
  // Another site's form comes without the cookie, and must not remove it while the session goes on.
  const headers: Record<string, string> =
    session === undefined && isFromElsewhere(request)
      ? {}
      : { 'Set-Cookie': presentCookie('session', config, { value: '', seconds: 0 }) };
  if (session !== undefined) {
    await collections.sessions.deleteOne({ _id: digestSessionId(session.id) });
    const detail = { session: session.handle, reason: 'logout' };
    await auditChange(deps, request.principal, 'session_ended', clientId, { detail });
  }
  const provider = config.oidcLogout === 'provider' ? await findProviderLogout(deps, request) : undefined;
  if (provider === undefined) return redirect(`${request.origin.basePath}/`, headers);
  const children = (
    <>
      <p>You are signed out here, and still signed in at the provider.</p>
      <p>
        <a class="button" href={provider}>
          Sign out at the provider
        </a>
      </p>
      <p>
        <a href={`${request.origin.basePath}/`}>Start page</a>
      </p>
    </>
  );
  // Without the principal, whom the header would still show as signed in.
  return presentPage({ origin: request.origin }, { title: 'Signed out', children }, { headers });
}

/** Returns the URL of the provider's own sign-out (OpenID Connect RP-Initiated Logout 1.0), if it has one and can be reached. */
async function findProviderLogout(
  { config, provider }: RouteDeps,
  { origin }: Pick<RouteRequest, 'origin'>,
): Promise<string | undefined> {
  if (!config.oidc) return undefined;
  const configuration = await provider.getConfiguration().catch(() => undefined);
  const endpoint = configuration && findEndpoint(configuration, 'end_session_endpoint');
  if (endpoint === undefined || !/^https?:/.test(endpoint)) return undefined;
  const url = new URL(endpoint);
  url.searchParams.set('client_id', config.oidcClientId ?? '');
  url.searchParams.set('post_logout_redirect_uri', `${origin.baseUrl}/`);
  return url.href;
}
