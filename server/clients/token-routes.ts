import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { empty, json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { tokenAnswer } from './client-schema.js';
import { listClientTokens, revokeClientToken } from './client-tokens.js';
import { clientErrors } from './errors.js';
import { getModifiableClient } from './get-client.js';

type RouteDeps = Core & Pick<AuthServices, 'collections' | 'findClientKey'>;
const route = routesOf<RouteDeps>();

const access = { roles: roleGroups.managers, schemes: ['accessToken', 'session', 'clientKey'] };
const holderErrors = [clientErrors.notFound, clientErrors.insufficientRights] as const;

/** The routes of a client's refresh tokens, for managers and for clients that send a key of their own. */
export const tokenRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/client-permissions/{client_id}/refresh-tokens',
    family: 'own',
    summary: "List a client's refresh tokens that work, without the tokens themselves",
    access,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The tokens, the oldest first.', content: z.array(tokenAnswer) } },
    errors: holderErrors,
    async handle(deps, { params, principal: caller }) {
      return json(await listClientTokens(deps, await getModifiableClient(deps, caller, params.client_id)));
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/client-permissions/{client_id}/refresh-tokens/{token_id}',
    family: 'own',
    summary: 'Revoke a refresh token of a client, by its id',
    description:
      'A client that sends a key that expires can revoke only the tokens that it got with that key.',
    access,
    audit: ['token_revoked'],
    answers: { 204: { description: 'The refresh token is revoked.', content: 'none' } },
    errors: [...holderErrors, clientErrors.tokenOfOwner, clientErrors.tokenNotFound],
    async handle(deps, { params, principal: caller }) {
      const { client_id: clientId } = await getModifiableClient(deps, caller, params.client_id);
      await revokeClientToken(deps, caller, { clientId, tokenId: params.token_id });
      await auditChange(deps, caller, 'token_revoked', clientId);
      return empty();
    },
  }),
];
