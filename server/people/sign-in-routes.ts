import { auditChange } from '../audit/audit-change.js';
import { clientErrors } from '../clients/errors.js';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { redirect } from '../html/present-page.js';
import type { Reply } from '../http/reply.js';
import { type AnyRoute, type RouteRequest, routesOf } from '../http/route.js';
import { openObject, text } from '../schema/schema.js';
import { checkSignInOrigin, readCookie } from '../sessions/cookies.js';
import { sessionErrors } from '../sessions/errors.js';
import { prepareLoginBrowser } from '../sessions/login-browser.js';
import { makeSession } from '../sessions/make-session.js';
import { readNextPath } from '../sessions/next-path.js';
import type { SessionServices } from '../sessions/services.js';
import { beginSignIn } from './begin-sign-in.js';
import { peopleErrors } from './errors.js';
import { explainFailure } from './explain-failure.js';
import { finishSignIn, SignInFailure } from './finish-sign-in.js';
import { providerSeconds } from './provider.js';
import { findEndpoint } from './provider-form.js';
import { refuseSignIn } from './refuse-sign-in.js';
import { presentPerson, signInPerson } from './sign-in-person.js';

type RouteDeps = Core &
  DepsOf<typeof beginSignIn> &
  DepsOf<typeof finishSignIn> &
  DepsOf<typeof signInPerson> &
  DepsOf<typeof makeSession> &
  Pick<SessionServices, 'signInLimit'>;
const route = routesOf<RouteDeps>();

const isOn = ({ config }: { config: { oidc: boolean } }) => config.oidc;

/** The errors of a person who may not sign in: the page says why. */
const refusals = [
  peopleErrors.emailInUse,
  peopleErrors.emailNotVerified,
  peopleErrors.emailDomain,
  peopleErrors.emailMissing,
  peopleErrors.personDisabled,
  clientErrors.stillEnding,
];

/** The routes with which a person signs in at the OIDC provider. */
export const signInRoutes: readonly AnyRoute<RouteDeps>[] = [
  ...['/auth/login', '/login'].map((path) =>
    route({
      method: 'GET',
      path,
      isOn,
      outboundSeconds: providerSeconds,
      refuseHead: true,
      family: 'html',
      summary: 'Begin to sign in at the OIDC provider',
      access: 'public',
      audit: { none: 'the sign-in leaves an event when it ends' },
      query: openObject({ next: text().optional() }),
      answers: { 302: { description: 'Leads to the provider.', content: 'none' } },
      errors: [sessionErrors.needsHttps, sessionErrors.tooManySignIns],
      handle: (deps, request) => leadToProvider(deps, request, request.query.next),
    }),
  ),
  ...['/auth/callback', '/auth'].map((path) =>
    route({
      method: 'GET',
      path,
      isOn,
      outboundSeconds: providerSeconds,
      refuseHead: true,
      family: 'html',
      summary: 'End a sign-in: the provider leads the browser here',
      access: 'public',
      audit: ['sign_in', 'person_registered'],
      query: openObject({
        state: text().optional(),
        code: text().optional(),
        error: text().optional(),
        iss: text().optional(),
      }),
      answers: {
        302: { description: 'Signed in, or not: then it leads to `/?login=failed`.', content: 'none' },
      },
      errors: refusals,
      handle: (deps, request) => endSignIn(deps, request),
    }),
  ),
];

async function leadToProvider(
  deps: RouteDeps,
  request: Pick<RouteRequest, 'origin' | 'cookie' | 'principal'>,
  next: string | undefined,
): Promise<Reply> {
  const { config, signInLimit, log } = deps;
  checkSignInOrigin(config, request.origin);
  await signInLimit.count(request.principal.source);
  const { secret, cookie } = prepareLoginBrowser(config, request);
  const attempt = {
    browserSecret: secret,
    next: readNextPath(next, request.origin.basePath),
    redirectUri: request.origin.baseUrl + config.oidcRedirectPath,
  };
  const configuration = await deps.provider.getConfiguration().catch((error: unknown) => {
    log.warn({ err: error }, `nobody can sign in: ${explainFailure(error)}`);
    return undefined;
  });
  if (configuration && !findEndpoint(configuration, 'authorization_endpoint'))
    log.warn("nobody can sign in: the provider's metadata have no authorization endpoint");
  else if (configuration) {
    const url = await beginSignIn(deps, configuration, attempt);
    return redirect(url.href, { 'Set-Cookie': cookie });
  }
  return redirect(`${request.origin.basePath}/?login=unavailable`);
}

async function endSignIn(
  deps: RouteDeps,
  request: RouteRequest<unknown, Parameters<typeof finishSignIn>[1]>,
): Promise<Reply> {
  const { config } = deps;
  const { principal } = request;
  let email: string | undefined;
  try {
    const proven = await finishSignIn(deps, request.query, readCookie('login', config, request));
    const { claims, next, sealTokens } = proven;
    email = claims.email;
    const record = await signInPerson(deps, claims, principal);
    const { cookie, handle } = await makeSession(deps, { record, method: 'oidc', sealTokens }, request);
    const detail = { method: 'oidc', session: handle };
    await auditChange(deps, presentPerson(record, principal), 'sign_in', record.client_id, { detail });
    return redirect(next, { 'Set-Cookie': cookie });
  } catch (error) {
    const isRefused = error instanceof ApiError && error.status < 500;
    if (!(error instanceof SignInFailure) && !isRefused) throw error;
    const reason = error instanceof ApiError ? error.code : error.message;
    await refuseSignIn(deps, { principal, reason, email });
    if (isRefused) throw error;
    return redirect(`${request.origin.basePath}/?login=failed`);
  }
}
