import { auditChange } from '../audit/audit-change.js';
import type { DepsOf } from '../core/core.js';
import { fileRoute } from '../html/file-route.js';
import { createPageFileReader } from '../html/page-file.js';
import { presentPage, redirect } from '../html/present-page.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { makePrincipal } from '../principal/principal.js';
import { openObject, text } from '../schema/schema.js';
import { checkSignInOrigin } from './cookies.js';
import { sessionErrors } from './errors.js';
import { csrfField, HiddenFields } from './form-fields.js';
import { prepareLoginBrowser } from './login-browser.js';
import { makeSession } from './make-session.js';
import { useOneTimeLink } from './one-time-link.js';

type RouteDeps = DepsOf<typeof useOneTimeLink> & DepsOf<typeof makeSession>;
const route = routesOf<RouteDeps>();

const path = '/auth/once';

/** The routes of the link that `npm start` prints. */
export const oneTimeRoutes: readonly AnyRoute<RouteDeps>[] = [
  fileRoute(
    '/static/once.js',
    'text/javascript; charset=utf-8',
    createPageFileReader(() => import.meta.resolve('./once.js')),
  ),
  route({
    method: 'GET',
    path,
    family: 'html',
    summary: 'Open the page of the link that a start prints, which signs in once',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The page.', content: { file: 'text/html; charset=utf-8' } } },
    errors: [sessionErrors.needsHttps],
    handle({ config }, request) {
      checkSignInOrigin(config, request.origin);
      const { secret, cookie } = prepareLoginBrowser(config, request);
      const { basePath } = request.origin;
      const children = (
        <form method="post" action={basePath + path}>
          <HiddenFields secret={secret} />
          <label for="token">The part of the link after #</label>
          <input id="token" name="token" autocomplete="off" required />
          <div>
            <button type="submit">Sign in</button>
          </div>
        </form>
      );
      const props = { title: 'Sign in as the admin', script: 'once.js', children };
      return presentPage(request, props, { headers: { 'Set-Cookie': cookie } });
    },
  }),
  route({
    method: 'POST',
    path,
    family: 'html',
    summary: 'Sign in once as the built-in admin, with the link that a start prints',
    access: { anyone: true, schemes: ['loginCookie'] },
    audit: ['sign_in'],
    body: { mode: 'form', schema: openObject({ token: text().optional(), ...csrfField }) },
    answers: { 303: { description: 'Signed in; leads to the start page.', content: 'none' } },
    errors: [sessionErrors.needsHttps, sessionErrors.linkInvalid],
    async handle(deps, request) {
      const { config } = deps;
      checkSignInOrigin(config, request.origin);
      const record = await useOneTimeLink(deps, request.body.token ?? '');
      const { cookie, handle } = await makeSession(deps, { record, method: 'once' }, request);
      const { source, requestId } = request.principal;
      const admin = makePrincipal({ role: 'admin', clientId: record.client_id }, { source, requestId });
      const detail = { method: 'once', session: handle };
      await auditChange(deps, { ...admin, kind: 'person' }, 'sign_in', record.client_id, { detail });
      return redirect(`${request.origin.basePath}/`, { 'Set-Cookie': cookie }, 303);
    },
  }),
];
