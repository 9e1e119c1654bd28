import type { AnyRoute } from '../http/route.js';
import { makePrincipal, type Principal } from '../principal/principal.js';
import { isManagingRole, type Role } from '../principal/roles.js';
import { checkNotRemoved } from './check-not-removed.js';
import type { AuthServices } from './services.js';

/**
 * Returns the caller with the role that its client has now, where the role decides about rights of managers and admins: a
 * token would keep these for ten minutes after they were taken away. A client without a record keeps the role of its token.
 * @throws ApiError 401 `Token has expired` for a client that is disabled or was removed after the token was issued
 */
export async function applyStoredRole(
  deps: Pick<AuthServices, 'collections' | 'findClient'>,
  caller: Principal,
  route: AnyRoute,
): Promise<Principal> {
  const { clientId, issuedAt } = caller;
  if (clientId === undefined || issuedAt === undefined || !needsStoredRole(caller, route)) return caller;
  // A new client of the id must not lend its role to a token of the removed one.
  const [record] = await Promise.all([deps.findClient(clientId), checkNotRemoved(deps, caller)]);
  if (record === undefined) return caller;
  return makePrincipal({ ...caller, role: record.role ?? 'contributor' }, caller);
}

/**
 * Only managers and admins may call the route, or the token is theirs and could give more rights than the route's other
 * callers have. Reading is the same for all roles of a route, unless the route says otherwise.
 */
function needsStoredRole({ role }: Principal, { access, method }: AnyRoute): boolean {
  if (access === 'public' || 'anyone' in access) return false;
  const allowed = access.roles as readonly Role[];
  if (allowed.every(isManagingRole)) return true;
  const isAlike = method === 'GET' && allowed.includes('contributor') && !access.readsDependOnRole;
  return isManagingRole(role) && !isAlike;
}
