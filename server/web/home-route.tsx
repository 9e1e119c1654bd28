import type { Core } from '../core/core.js';
import { presentPage } from '../html/present-page.js';
import { describeViewer } from '../html/viewer.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import { openObject, text } from '../schema/schema.js';
import { readCookie } from '../sessions/cookies.js';
import { findSignInPath, type SessionSettings } from '../sessions/settings.js';

type RouteDeps = Core & { config: SessionSettings & { oidc: boolean; anonymousAccess: string } };
const route = routesOf<RouteDeps>();

/** What the start page says after a sign-in that failed, by the code in its address. */
const messages: Readonly<Record<string, string>> = {
  failed:
    'The sign-in failed. Try again; if it fails again, ask the operator, who finds the reason in the security log.',
  unavailable: 'The sign-in is not available: the provider could not be reached. Try again later.',
};

const cookieMissing =
  "Your browser does not have the cookie of this sign-in: allow cookies for this site, and finish within ten minutes. Over plain http a browser can drop the cookie: use the site's https address.";

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
    const { session } = request.principal;
    const viewer = describeViewer(request.principal);
    if (session === undefined) viewer.seesLists = !config.oidc && config.anonymousAccess === 'allow';
    const signInPath = session === undefined ? findSignInPath(config) : undefined;
    const children = (
      <>
        {session === undefined && <Message config={config} request={request} />}
        {viewer.seesLists && (
          <p>A job server for labs: agents take jobs from queues and report how they end.</p>
        )}
        {signInPath && (
          <p>
            <a class="button" href={request.origin.basePath + signInPath}>
              Sign In
            </a>
          </p>
        )}
      </>
    );
    return presentPage(request, { title: '', viewer, children });
  },
});

/** The message of a failed sign-in. The cookie of a sign-in lasts longer than the sign-in, unless the browser dropped it. */
function Message({
  config,
  request,
}: Pick<RouteDeps, 'config'> & { request: RouteRequest<unknown, { login?: string | undefined }> }) {
  const { login = '' } = request.query;
  if (!Object.hasOwn(messages, login)) return null;
  const isCookieMissing = login === 'failed' && readCookie('login', config, request) === undefined;
  return (
    <div role="alert">
      {messages[login]}
      {isCookieMissing && ` ${cookieMissing}`}
    </div>
  );
}
