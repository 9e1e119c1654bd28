import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import { signAccessToken } from '../auth/access-token.js';
import { issueRefreshToken } from '../auth/refresh-token.js';
import type { AuthServices } from '../auth/services.js';
import { tokenKinds } from '../auth/token-kinds.js';
import { clientErrors } from '../clients/errors.js';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { Principal } from '../principal/principal.js';
import { sessionErrors } from '../sessions/errors.js';
import type { SessionServices } from '../sessions/services.js';
import { beginDevice } from './begin-device.js';
import { peopleErrors } from './errors.js';
import { fetchUserinfo } from './fetch-userinfo.js';
import { readPersonClaims } from './person-claims.js';
import { pollDevice } from './poll-device.js';
import { providerSeconds } from './provider.js';
import { refuseSignIn } from './refuse-sign-in.js';
import { presentPerson, signInPerson } from './sign-in-person.js';

type RouteDeps = Core &
  DepsOf<typeof beginDevice> &
  DepsOf<typeof pollDevice> &
  DepsOf<typeof signInPerson> &
  DepsOf<typeof issueRefreshToken> &
  Pick<AuthServices, 'signingKeys'> &
  Pick<SessionServices, 'signInLimit'>;
const route = routesOf<RouteDeps>();

const isOn = ({ config }: { config: { oidc: boolean } }) => config.oidc;

/** Answers that only mean that the person has not approved yet. */
const unfinished = new Set([peopleErrors.authorizationPending.code, peopleErrors.slowDown.code]);

/** The routes with which the stock command line signs a person in (RFC 8628). */
export const deviceRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/oidc/auth-init',
    isOn,
    outboundSeconds: providerSeconds,
    family: 'v1',
    summary: 'Begin to sign in from a command line',
    description: 'The person opens `verification_uri` and enters `user_code` there.',
    access: 'public',
    audit: { none: 'a sign-in that begins leaves an event when it ends; a failure leaves one at once' },
    answers: {
      200: {
        description: "The provider's response, with `request_id` in place of its device code.",
        content: z.looseObject({ request_id: z.string() }),
      },
    },
    errors: [
      peopleErrors.deviceUnsupported,
      peopleErrors.providerUnreachable,
      peopleErrors.deviceRejected,
      peopleErrors.deviceUnexpected,
      peopleErrors.deviceCodeMissing,
      sessionErrors.tooManySignIns,
    ],
    noStore: true,
    async handle(deps, { principal }) {
      try {
        await deps.signInLimit.count(principal.source);
        return json(await beginDevice(deps));
      } catch (error) {
        await logFailure(deps, error, principal);
        throw error;
      }
    },
  }),
  route({
    method: 'POST',
    path: '/oidc/auth-poll/{request_id}',
    isOn,
    outboundSeconds: providerSeconds,
    family: 'v1',
    summary: 'Ask whether a person has signed in, and get tokens then',
    access: 'public',
    audit: ['sign_in', 'person_registered'],
    answers: {
      200: {
        description: 'The tokens.',
        content: z.strictObject({
          access_token: z.string(),
          token_type: z.literal('Bearer'),
          expires_in: z.literal(tokenKinds.access.lifetimeSeconds),
          refresh_token: z.string(),
        }),
      },
    },
    errors: [
      peopleErrors.requestIdInvalid,
      peopleErrors.tokenEndpointMissing,
      peopleErrors.authorizationPending,
      peopleErrors.slowDown,
      peopleErrors.deviceRefused,
      peopleErrors.deviceUnexpected,
      peopleErrors.providerUnreachable,
      peopleErrors.userinfoFailed,
      peopleErrors.deviceEmailMissing,
      peopleErrors.emailInUse,
      peopleErrors.emailNotVerified,
      peopleErrors.emailDomain,
      peopleErrors.personDisabled,
      clientErrors.stillEnding,
    ],
    noStore: true,
    async handle(deps, { params, principal }) {
      let email: string | undefined;
      try {
        const token = await pollDevice(deps, params.request_id);
        const { iss, userinfo } = await fetchUserinfo(deps, token);
        const claims = readPersonClaims(iss, userinfo);
        email = claims.email;
        if (email === undefined) throw new ApiError(peopleErrors.deviceEmailMissing);
        const record = await signInPerson(deps, claims, principal);
        const refreshToken = await issueRefreshToken(deps, record.client_id);
        const detail = { method: 'device' };
        await auditChange(deps, presentPerson(record, principal), 'sign_in', record.client_id, { detail });
        return json({
          access_token: signAccessToken(deps, record),
          token_type: 'Bearer',
          expires_in: tokenKinds.access.lifetimeSeconds,
          refresh_token: refreshToken,
        });
      } catch (error) {
        await logFailure(deps, error, principal, email);
        throw error;
      }
    },
  }),
];

/** Writes the one security event of a failure, unless its error has one already. */
async function logFailure(
  deps: RouteDeps,
  error: unknown,
  principal: Principal,
  email?: string,
): Promise<void> {
  if (!(error instanceof ApiError) || unfinished.has(error.code) || error.row.audit !== undefined) return;
  const { error: stated } = error.detail;
  const reason = typeof stated === 'string' ? stated : (error.reason ?? error.code);
  await refuseSignIn(deps, { principal, reason, email });
}
