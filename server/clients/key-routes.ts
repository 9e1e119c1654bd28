import { z } from 'zod';
import { issueRefreshToken } from '../auth/refresh-token.js';
import { ApiError } from '../errors/api-error.js';
import { empty, json } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { object } from '../schema/schema.js';
import { listClientKeys, makeClientKey, removeClientKey } from './client-keys.js';
import { keyAnswer, keyInput, madeKeyAnswer } from './client-schema.js';
import { getKeyHolder } from './get-client.js';
import { logClientEvent } from './log-client-event.js';

const access = { roles: ['manager', 'admin'], orOwnClientKey: true } as const;
const holderErrors = [
  'client_not_found',
  'client_rights',
  'admin_client_fixed',
  'oidc_client_fixed',
] as const;

/** Keys made by the server: for managers, and for a client itself when it shows a key that it has. */
export const keyRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/client-permissions/{client_id}/keys',
    family: 'own',
    summary: 'Makes a key for a client; it is shown this once',
    access,
    body: { mode: 'json', schema: keyInput },
    answers: { 200: { description: 'The key.', content: madeKeyAnswer } },
    errors: [...holderErrors, 'too_many_keys'],
    noStore: true,
    async handle(deps, request) {
      const { client_id: clientId } = await getKeyHolder(deps, request.caller, request.params.client_id);
      const made = await makeClientKey(deps, clientId, request.body);
      logClientEvent(deps, request, 'client_key_made', `${clientId} ${made.key_id}`);
      return json(made);
    },
  }),
  route({
    method: 'GET',
    path: '/v1/client-permissions/{client_id}/keys',
    family: 'own',
    summary: 'The keys of a client, without their secrets',
    access,
    answers: { 200: { description: 'The keys, the oldest first.', content: z.array(keyAnswer) } },
    errors: holderErrors,
    async handle(deps, { params, caller }) {
      const { client_id: clientId } = await getKeyHolder(deps, caller, params.client_id);
      return json(await listClientKeys(deps, clientId));
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/client-permissions/{client_id}/keys/{key_id}',
    family: 'own',
    summary: 'Ends a key of a client at once',
    access,
    answers: { 204: { description: 'It is ended.', content: 'none' } },
    errors: [...holderErrors, 'key_not_found'],
    async handle(deps, request) {
      const { client_id: clientId } = await getKeyHolder(deps, request.caller, request.params.client_id);
      await removeClientKey(deps, clientId, request.params.key_id);
      logClientEvent(deps, request, 'client_key_removed', `${clientId} ${request.params.key_id}`);
      return empty();
    },
  }),
  route({
    method: 'POST',
    path: '/v1/client-permissions/{client_id}/agent-token',
    family: 'own',
    summary: 'A refresh token without end for a client of the role agent',
    description: 'The stock agent holds such a token, in a file; `queuepass agent add` writes it.',
    access: { roles: ['manager', 'admin'] },
    body: { mode: 'json', schema: object({}) },
    answers: {
      200: {
        description: 'The token, shown this once.',
        content: z.strictObject({ refresh_token: z.string() }),
      },
    },
    errors: [...holderErrors, 'not_an_agent_client'],
    noStore: true,
    async handle(deps, request) {
      const record = await getKeyHolder(deps, request.caller, request.params.client_id);
      if (record.role !== 'agent') throw new ApiError('not_an_agent_client');
      const token = await issueRefreshToken(deps, record.client_id, false);
      logClientEvent(deps, request, 'agent_token_made', record.client_id);
      return json({ refresh_token: token });
    },
  }),
];
