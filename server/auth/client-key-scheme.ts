import type { DepsOf } from '../core/core.js';
import type { CredentialScheme } from '../http/scheme.js';
import { presentPermissions } from '../principal/permissions.js';
import { makePrincipal } from '../principal/principal.js';
import { loginErrors } from './errors.js';
import { verifyClient } from './verify-client.js';

/** A client's own key in the `client-key` header, for routes whose path names the client as `client_id`. */
export const clientKeyScheme: CredentialScheme<DepsOf<typeof verifyClient>> = {
  isOwnership: true,
  openApi: {
    type: 'apiKey',
    in: 'header',
    name: 'client-key',
    description: 'A key of the client in the path.',
  },
  errors: loginErrors,
  read: (request) => request.header('client-key'),
  async verify(deps, clientKey, request) {
    const login = { clientId: request.params.client_id ?? '', clientKey, source: request.source };
    const { record, key } = await verifyClient(deps, login);
    const identity = {
      role: record.role ?? 'contributor',
      clientId: record.client_id,
      permissions: presentPermissions(record),
      ...(key && {
        key: { key_id: key.key_id, ...(key.expires_at && { expires_at: key.expires_at }) },
      }),
    };
    return makePrincipal(identity, request);
  },
};
