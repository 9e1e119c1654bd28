import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { CredentialScheme } from '../http/scheme.js';
import { readPermissions } from '../principal/permissions.js';
import { type Identity, makePrincipal, type Principal } from '../principal/principal.js';
import { isJsonMap } from '../schema/set-own.js';
import { readAgentCookie } from './agent-cookie.js';
import { accessTokenErrors, authErrors } from './errors.js';
import type { AuthServices } from './services.js';
import { tokenKinds } from './token-kinds.js';
import { type Claims, verifyToken } from './verify-token.js';

/** The dependencies that checking an access token needs. */
export type AccessTokenDeps = Core & Pick<AuthServices, 'config' | 'signingKeys' | 'verifiedTokens'>;

/** The access token in the `Authorization` header: `Bearer <jwt>`, or the bare JWT of the oldest clients. */
export const accessTokenScheme: CredentialScheme<AccessTokenDeps> = {
  openApi: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'An access token, such as the one that `GET /v1/authenticate/token/{client_id}` returns for a client key.',
  },
  challenge: 'Bearer realm="queuepass"',
  errors: accessTokenErrors,
  read: (request) => request.header('authorization')?.trim() || undefined,
  verify(deps, value, request): Principal {
    const [, scheme = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(value) ?? [];
    const isBearer = scheme.toLowerCase() === 'bearer';
    if (isBearer && rest === '') throw new ApiError(authErrors.bearerWithoutToken);
    // Another scheme identifies no client, so its caller has no role.
    if (!isBearer && rest !== '') return makePrincipal({ role: '' }, request);
    const identity = identifyBearer(deps, isBearer ? rest : scheme);
    const { source, requestId } = request;
    return makePrincipal(identity, { source, requestId, agentName: readAgentCookie(request, identity) });
  },
};

function identifyBearer(
  { signingKeys, verifiedTokens, clock, config }: AccessTokenDeps,
  token: string,
): Identity {
  const verifier = { signingKeys, verifiedTokens, clock, leeway: config.jwtLeeway };
  const verified = verifyToken(tokenKinds.access, verifier, token);
  return (verified.identity ??= readIdentity(verified.claims));
}

/** Reads a token's identity; the oldest tokens have a top-level `max_priority` instead of `permissions`. */
function readIdentity({ permissions: claim, max_priority, iat }: Claims): Identity {
  const permissions = readPermissions(claim ?? { max_priority });
  const role = isJsonMap(claim) ? claim.role : undefined;
  return {
    role: role === undefined || role === null ? 'contributor' : (permissions.role ?? ''),
    issuedAt: iat as number,
    ...(permissions.client_id !== undefined && { clientId: permissions.client_id }),
    ...(Object.keys(permissions).length > 0 && { permissions }),
  };
}
