import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import { issueRefreshToken, revokeRefreshToken } from '../auth/refresh-token.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { empty, json } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { object } from '../schema/schema.js';
import { listClientKeys, makeClientKey, removeClientKey } from './client-keys.js';
import { checkMayRemoveKey } from './client-rights.js';
import { keyAnswer, keyInput, madeKeyAnswer } from './client-schema.js';
import { clientErrors } from './errors.js';
import { getKeyHolder } from './get-client.js';

type RouteDeps = Core & Pick<AuthServices, 'collections' | 'insertRefreshToken'>;
const route = routesOf<RouteDeps>();

const access = { roles: roleGroups.managers, schemes: ['accessToken', 'session', 'clientKey'] };
const holderErrors = [
  clientErrors.notFound,
  clientErrors.insufficientRights,
  clientErrors.adminFixed,
  clientErrors.oidcFixed,
] as const;

/** The routes of keys made by the server, for managers and for clients that send a key of their own. */
export const keyRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/client-permissions/{client_id}/keys',
    family: 'own',
    summary: 'Create a key for a client',
    description: 'A client that sends a key that expires gets only keys that expire no later.',
    access,
    audit: ['client_key_made'],
    body: { mode: 'json', schema: keyInput },
    answers: { 200: { description: 'The key. It is returned only once.', content: madeKeyAnswer } },
    errors: [...holderErrors, clientErrors.keyOutlives, clientErrors.tooManyKeys],
    noStore: true,
    async handle(deps, request) {
      const { client_id: clientId } = await getKeyHolder(deps, request.principal, request.params.client_id);
      const made = await makeClientKey(deps, clientId, request.body, request.principal);
      await auditChange(deps, request.principal, 'client_key_made', `${clientId} ${made.key_id}`, {
        subject: clientId,
        detail: { key_id: made.key_id },
      });
      return json(made);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/client-permissions/{client_id}/keys',
    family: 'own',
    summary: "List a client's keys, without their secrets",
    access,
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The keys, the oldest first.', content: z.array(keyAnswer) } },
    errors: holderErrors,
    async handle(deps, { params, principal: caller }) {
      const { client_id: clientId } = await getKeyHolder(deps, caller, params.client_id);
      return json(await listClientKeys(deps, clientId));
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/client-permissions/{client_id}/keys/{key_id}',
    family: 'own',
    summary: "Remove a client's key, which stops working at once",
    description: 'A client that sends a key that expires can remove only that key.',
    access,
    audit: ['client_key_removed'],
    answers: { 204: { description: 'The key is removed.', content: 'none' } },
    errors: [...holderErrors, clientErrors.keyOfOwner, clientErrors.keyNotFound],
    async handle(deps, request) {
      const { client_id: clientId } = await getKeyHolder(deps, request.principal, request.params.client_id);
      checkMayRemoveKey(request.principal, request.params.key_id);
      await removeClientKey(deps, clientId, request.params.key_id);
      await auditChange(
        deps,
        request.principal,
        'client_key_removed',
        `${clientId} ${request.params.key_id}`,
        { subject: clientId, detail: { key_id: request.params.key_id } },
      );
      return empty();
    },
  }),
  route({
    method: 'POST',
    path: '/v1/client-permissions/{client_id}/agent-token',
    family: 'own',
    summary: 'Create a refresh token that never expires for a client with the role agent',
    description: 'The stock agent reads such a token from a file, which `queuepass agent add` writes.',
    access: { roles: roleGroups.managers },
    audit: ['agent_token_made'],
    body: { mode: 'json', schema: object({}) },
    answers: {
      200: {
        description: 'The token. It is returned only once.',
        content: z.strictObject({ refresh_token: z.string() }),
      },
    },
    errors: [...holderErrors, clientErrors.notAnAgent],
    noStore: true,
    async handle(deps, request) {
      const record = await getKeyHolder(deps, request.principal, request.params.client_id);
      if (record.role !== 'agent') throw new ApiError(clientErrors.notAnAgent);
      const token = await issueRefreshToken(deps, record.client_id, false);
      // If the client was removed in between, a later client with its id must not inherit the token.
      if ((await deps.collections.clients.countDocuments({ client_id: record.client_id })) === 0) {
        await revokeRefreshToken(deps, token);
        throw new ApiError(clientErrors.notFound);
      }
      await auditChange(deps, request.principal, 'agent_token_made', record.client_id);
      return json({ refresh_token: token });
    },
  }),
];
