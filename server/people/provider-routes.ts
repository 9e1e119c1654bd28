import { z } from 'zod';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import { json, type Reply } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { Principal } from '../principal/principal.js';
import { sessionErrors } from '../sessions/errors.js';
import { peopleErrors } from './errors.js';
import { fetchProviderApi, readApiUrl } from './fetch-provider-api.js';
import { fetchUserinfo, isTokenRefused } from './fetch-userinfo.js';
import { providerSeconds } from './provider.js';
import { getProviderToken } from './provider-token.js';
import type { PeopleServices } from './services.js';

type RouteDeps = Core & DepsOf<typeof getProviderToken> & Pick<PeopleServices, 'provider' | 'config'>;
const route = routesOf<RouteDeps>();

const isOn = ({ config }: RouteDeps) => config.oidc;
const access = { anyone: true, schemes: ['session'] } as const;

/** The routes that read at the provider with the tokens of the caller's session. */
export const providerRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/auth/userinfo',
    isOn,
    outboundSeconds: providerSeconds,
    family: 'own',
    summary: "Get the provider's userinfo of the person who is signed in",
    access,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: "The provider's claims.", content: z.looseObject({}) } },
    errors: [sessionErrors.notSignedIn, sessionErrors.signInAgain, peopleErrors.userinfoFailed],
    noStore: true,
    async handle(deps, { principal }) {
      const id = getSessionId(principal);
      const token = await getTokenForUserinfo(deps, id);
      try {
        return json((await fetchUserinfo(deps, token, principal.session?.sub)).userinfo);
      } catch (error) {
        if (!isTokenRefused(error)) throw error;
        const renewed = await getTokenForUserinfo(deps, id, token);
        return json((await fetchUserinfo(deps, renewed, principal.session?.sub)).userinfo);
      }
    },
  }),
  route({
    method: 'GET',
    path: '/auth/api/{path}',
    wildcard: true,
    isOn,
    outboundSeconds: providerSeconds,
    family: 'own',
    summary: "Read the provider's own API as the person who is signed in",
    description:
      "Only paths that `OIDC_API_PATHS` allows, on the issuer's host; the query is kept. Errors of the API that are JSON have the API's own status.",
    access,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: "The API's JSON, at most 4 MiB.", content: z.unknown() } },
    errors: [
      sessionErrors.notSignedIn,
      sessionErrors.signInAgain,
      peopleErrors.apiPathUnknown,
      peopleErrors.apiAnswerInvalid,
      peopleErrors.providerUnreachable,
      peopleErrors.apiTimeout,
    ],
    noStore: true,
    async handle(deps, { principal, target }) {
      const id = getSessionId(principal);
      const url = readApiUrl(deps.config, target);
      const token = await getProviderToken(deps, id);
      if (token === undefined) throw new ApiError(peopleErrors.apiPathUnknown);
      const reply = await fetchProviderApi(deps, url, token);
      return reply.status === 401 ? askAgain(deps, id, url, token) : reply;
    },
  }),
];

/** @throws ApiError 401 for a session without a provider, or whose tokens have ended; 502 if the provider cannot be reached */
async function getTokenForUserinfo(deps: RouteDeps, id: string, refused?: string): Promise<string> {
  const token = await getProviderToken(deps, id, refused).catch((error: unknown) => {
    if (!isApiError(error, peopleErrors.providerUnreachable)) throw error;
    throw new ApiError(peopleErrors.userinfoFailed, { cause: error });
  });
  if (token === undefined) throw new ApiError(sessionErrors.signInAgain);
  return token;
}

/** Asks the API once more, after it refused a token that had not expired. @throws ApiError 401 if it refuses the new one too */
async function askAgain(deps: RouteDeps, id: string, url: URL, refused: string): Promise<Reply> {
  const token = await getProviderToken(deps, id, refused);
  const reply = token === undefined ? undefined : await fetchProviderApi(deps, url, token);
  if (reply === undefined || reply.status === 401) throw new ApiError(sessionErrors.signInAgain);
  return reply;
}

/** @throws ApiError 401 without a session */
function getSessionId({ session }: Principal): string {
  if (session === undefined) throw new ApiError(sessionErrors.notSignedIn);
  return session.id;
}
