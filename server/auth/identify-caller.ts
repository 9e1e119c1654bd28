import { ApiError } from '../errors/api-error.js';
import { type Access, schemesOf } from '../http/route.js';
import type { CredentialRequest, CredentialSchemes } from '../http/scheme.js';
import type { IdentifyCaller } from '../http/serve-route.js';
import { makePrincipal, type Principal } from '../principal/principal.js';
import { type Role, roles } from '../principal/roles.js';
import { applyStoredRole } from './apply-stored-role.js';
import { checkNotRemoved } from './check-not-removed.js';
import { authErrors } from './errors.js';
import type { AuthServices } from './services.js';

/**
 * Creates the function that identifies a route's caller: by the first of the route's credential schemes for which the
 * request has a credential, else as anonymous.
 * @param schemes the credential schemes of all areas
 */
export function createIdentifyCaller<D extends Pick<AuthServices, 'collections' | 'config' | 'findClient'>>(
  deps: D,
  schemes: CredentialSchemes<D>,
): IdentifyCaller {
  return async (route, request, found) => {
    const { access } = route;
    if (access === 'public') {
      found(makePrincipal({ role: '' }, request));
      return undefined;
    }
    for (const name of schemesOf(route)) {
      const scheme = schemes[name];
      // Otherwise a wrong name in a route would make its callers anonymous.
      if (scheme === undefined) throw new Error(`there is no credential scheme ${name}`);
      const credential = scheme.read(request, deps);
      if (credential === undefined) continue;
      const caller = await scheme.verify(deps, credential, request);
      if (caller === undefined) continue;
      found(caller);
      const ambient = scheme.isAmbient ? credential : undefined;
      if (scheme.isOwnership || 'anyone' in access) return ambient;
      if (access.refusesRemoved) await checkNotRemoved(deps, caller);
      const current = await applyStoredRole(deps, caller, route);
      found(current);
      checkRole(current, access);
      return ambient;
    }
    if ('anyone' in access) {
      found(makePrincipal({ role: '' }, request));
      return undefined;
    }
    const anonymous = identifyAnonymous(deps, request, access);
    found(anonymous);
    checkRole(anonymous, access);
    return undefined;
  };
}

/** Returns the anonymous caller. @throws ApiError 401 when anonymous callers are not allowed */
function identifyAnonymous(
  { config }: Pick<AuthServices, 'config'>,
  request: CredentialRequest,
  { refusesAnonymous = false }: Access,
): Principal {
  if (refusesAnonymous || config.oidc || config.anonymousAccess === 'deny')
    throw new ApiError(authErrors.authenticationRequired);
  return makePrincipal({ role: 'contributor' }, request);
}

/** @throws ApiError 403 that names the required roles */
function checkRole({ role }: Principal, access: Access): void {
  if (access.roles.includes(role as Role)) return;
  const required = access.namesRolesAsListed
    ? access.roles
    : roles.filter((known) => access.roles.includes(known));
  throw new ApiError(authErrors.roleRequired, {
    message: `Specified action requires role: ${required.join(', ')}`,
  });
}
