import type { Core } from '../core/core.js';
import { presentPage } from '../html/present-page.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { openObject, text } from '../schema/schema.js';
import { findSignInPath, type SessionSettings } from '../sessions/settings.js';

type RouteDeps = Core & { config: SessionSettings & { oidc: boolean; anonymousAccess: string } };
const route = routesOf<RouteDeps>();

/** What the start page says after a sign-in that failed, by the code in its address. */
const messages: Readonly<Record<string, string>> = {
  failed:
    'The sign-in failed. Try again; if it fails again, ask the operator, who finds the reason in the security log.',
  unavailable: 'The sign-in is not available: the provider could not be reached. Try again later.',
};

/** The route of the start page. */
export const homeRoute: AnyRoute<RouteDeps> = route({
  method: 'GET',
  path: '/',
  family: 'html',
  summary: 'Open the start page',
  access: { anyone: true, schemes: ['session'] },
  audit: { none: 'a read changes nothing' },
  query: openObject({ login: text().optional() }),
  answers: { 200: { description: 'The page.', content: { file: 'text/html; charset=utf-8' } } },
  handle({ config }, request) {
    const { session, clientId } = request.principal;
    const { basePath } = request.origin;
    const message = Object.hasOwn(messages, request.query.login ?? '') && messages[request.query.login ?? ''];
    const signInPath = findSignInPath(config);
    const isOpen = session !== undefined || (!config.oidc && config.anonymousAccess === 'allow');
    const children = (
      <>
        {message && session === undefined && <p role="alert">{message}</p>}
        {session ? (
          <p>
            Signed in as <strong>{session.name ?? clientId}</strong>.{' '}
            <a href={`${basePath}/auth/logout`}>Sign Out</a>
          </p>
        ) : (
          signInPath && (
            <p>
              <a href={basePath + signInPath}>Sign In</a>
            </p>
          )
        )}
        {isOpen && (
          <nav aria-label="Main">
            <a href={`${basePath}/agents`}>Agents</a>
            <a href={`${basePath}/jobs`}>Jobs</a>
            <a href={`${basePath}/queues`}>Queues</a>
          </nav>
        )}
      </>
    );
    return presentPage(request, { title: '', children });
  },
});
