import { loginErrors } from '../auth/errors.js';
import { verifyClient } from '../auth/verify-client.js';
import { type DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { presentPage, redirect } from '../html/present-page.js';
import type { Reply } from '../http/reply.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import { openObject, text } from '../schema/schema.js';
import { checkSignInOrigin } from './cookies.js';
import { sessionErrors } from './errors.js';
import { csrfField, HiddenFields } from './form-fields.js';
import { prepareLoginBrowser } from './login-browser.js';
import { makeSession } from './make-session.js';
import { readNextPath } from './next-path.js';
import { allowsLocalSignIn } from './settings.js';

type RouteDeps = DepsOf<typeof verifyClient> & DepsOf<typeof makeSession> & { config: { oidc: boolean } };
const route = routesOf<RouteDeps>();

const path = '/auth/local';
const html = 'text/html; charset=utf-8';
const isOn = ({ config }: RouteDeps) => allowsLocalSignIn(config);

/** The routes with which a person signs in with a client id and a client key. */
export const localSignInRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path,
    isOn,
    family: 'html',
    summary: 'Open the form to sign in with a client id and a client key',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    query: openObject({ next: text().optional() }),
    answers: { 200: { description: 'The page.', content: { file: html } } },
    errors: [sessionErrors.needsHttps],
    handle: (deps, request) => presentForm(deps, request, { next: request.query.next }),
  }),
  route({
    method: 'POST',
    path,
    isOn,
    family: 'html',
    summary: 'Sign in with a client id and a client key',
    access: { anyone: true, schemes: ['loginCookie'] },
    audit: ['login'],
    body: {
      mode: 'form',
      schema: openObject({
        client_id: text().optional(),
        client_key: text().optional(),
        next: text().optional(),
        ...csrfField,
      }),
    },
    answers: { 303: { description: 'Signed in; leads to `next`.', content: 'none' } },
    errors: [...loginErrors, sessionErrors.needsHttps, sessionErrors.agentSignIn],
    async handle(deps, request) {
      checkSignInOrigin(deps.config, request.origin);
      const { client_id: clientId = '', client_key: clientKey = '', next } = request.body;
      const login = { clientId, clientKey, source: request.principal.source, checkClient: checkNotAgent };
      try {
        const { record, origin } = await verifyClient(deps, login);
        const { cookie } = await makeSession(deps, { record, origin, method: 'local' }, request);
        return redirect(readNextPath(next, request.origin.basePath), { 'Set-Cookie': cookie }, 303);
      } catch (error) {
        const isRefused = loginErrors.some((row) => error instanceof ApiError && error.row === row);
        if (!isRefused) throw error;
        const { status, message, headers } = error as ApiError;
        const reply = presentForm(deps, request, { next, clientId, status, message });
        return { ...reply, headers: { ...reply.headers, ...headers } };
      }
    },
  }),
];

/** @throws ApiError 403 */
function checkNotAgent({ role }: { role?: string }): void {
  if (role === 'agent') throw new ApiError(sessionErrors.agentSignIn, { reason: 'role agent' });
}

/** What a form shows again after a refusal. */
interface Refused {
  next: string | undefined;
  clientId?: string;
  status?: number;
  message?: string;
}

function presentForm(
  { config }: RouteDeps,
  request: Pick<RouteRequest, 'cookie' | 'origin'>,
  { next, clientId, status = 200, message }: Refused,
): Reply {
  checkSignInOrigin(config, request.origin);
  const { secret, cookie } = prepareLoginBrowser(config, request);
  const { basePath } = request.origin;
  const children = (
    <form method="post" action={basePath + path}>
      {message && <p role="alert">{message}</p>}
      <HiddenFields secret={secret} next={readNextPath(next, basePath)} />
      <label for="client_id">Client id</label>
      <input id="client_id" name="client_id" value={clientId} autocomplete="username" required />
      <label for="client_key">Client key</label>
      <input id="client_key" name="client_key" type="password" autocomplete="current-password" required />
      <div>
        <button type="submit">Sign in</button>
      </div>
    </form>
  );
  const props = { title: 'Sign in with a client key', children };
  return presentPage(request, props, { status, headers: { 'Set-Cookie': cookie } });
}
