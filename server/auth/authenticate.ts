import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import type { Access } from '../http/route.js';
import type { Caller } from '../principal/principal.js';
import { type Role, roles } from '../principal/roles.js';
import { verifyAccessToken } from './verify-access-token.js';

/**
 * Who calls, by the `Authorization` header alone: `Bearer <jwt>`, or the bare JWT of the oldest clients.
 * @throws ApiError 401 without a header where anonymous callers are not allowed, 401 or 403 for a bad token.
 */
export function authenticate(deps: Deps, header: string | undefined): Caller {
  const value = header?.trim();
  if (!value) return authenticateAnonymous(deps);
  const [, scheme = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(value) ?? [];
  const isBearer = scheme.toLowerCase() === 'bearer';
  if (isBearer && rest === '') throw new ApiError('bearer_without_token');
  // Another scheme is no identity at all, and so has none of the roles.
  if (!isBearer && rest !== '') return { role: '' };
  const { signingKeys, verifiedTokens, clock, config } = deps;
  const verifier = { signingKeys, verifiedTokens, clock, leeway: config.jwtLeeway };
  return verifyAccessToken(verifier, isBearer ? rest : scheme);
}

function authenticateAnonymous({ config }: Deps): Caller {
  if (config.oidc || config.anonymousAccess === 'deny') throw new ApiError('authentication_required');
  return { role: 'contributor' };
}

/** @throws ApiError 403 that names the roles which may. */
export function checkRole(caller: Caller, access: Access): void {
  if (access.roles.includes(caller.role as Role)) return;
  const wanted = access.toldAsListed ? access.roles : roles.filter((role) => access.roles.includes(role));
  throw new ApiError('role_required', { message: `Specified action requires role: ${wanted.join(', ')}` });
}
