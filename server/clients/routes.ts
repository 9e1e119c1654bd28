import { z } from 'zod';
import { json, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { clientAnswer, clientInput, clientQuery, madeClientAnswer } from './client-schema.js';
import { makeClientKey } from './client-keys.js';
import { getClient } from './get-client.js';
import { logClientEvent } from './log-client-event.js';
import { presentClient } from './present-client.js';
import { putClient } from './put-client.js';
import { removeClient } from './remove-client.js';

/** Clients and what their tokens may state. */
export const clientRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/client-permissions',
    family: 'v1',
    summary: 'All clients with their permissions',
    access: { roles: ['manager', 'admin'] },
    answers: { 200: { description: 'The clients, by id.', content: z.array(clientAnswer) } },
    async handle(deps) {
      const records = await deps.collections.clients.find().sort({ client_id: 1 }).toArray();
      return json(records.map(presentClient));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'One client with its permissions',
    access: { roles: ['manager', 'admin'] },
    answers: { 200: { description: 'The client.', content: clientAnswer } },
    errors: ['client_not_found'],
    async handle(deps, { params }) {
      return json(presentClient(await getClient(deps, params.client_id)));
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'Creates or changes a client',
    description:
      'With `generate_key=true` it also makes a key for the client and answers JSON, else plain text.',
    access: { roles: ['manager', 'admin'] },
    query: clientQuery,
    body: { mode: 'json', schema: clientInput },
    answers: {
      200: { description: 'A sentence, or the key that was made.', content: madeClientAnswer, orText: true },
    },
    errors: [
      'client_secret_missing',
      'admin_client_fixed',
      'oidc_client_fixed',
      'client_rights',
      'too_many_keys',
      'busy',
    ],
    noStore: true,
    async handle(deps, request) {
      const { params, query, body, caller } = request;
      const generateKey = query.generate_key === true;
      const outcome = await putClient(deps, { caller, clientId: params.client_id, input: body, generateKey });
      logClientEvent(deps, request, 'client_changed', params.client_id);
      if (!generateKey) {
        const word = outcome === 'created' ? 'Created' : 'Updated';
        return text(`${word} permissions for client '${params.client_id}'`);
      }
      const label = query.key_label === undefined ? {} : { label: query.key_label };
      const made = await makeClientKey(deps, params.client_id, label);
      logClientEvent(deps, request, 'client_key_made', params.client_id);
      return json({ client_id: params.client_id, key_id: made.key_id, client_key: made.client_key });
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'Ends a client with its refresh tokens and keys',
    access: { roles: ['admin'] },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['client_not_found', 'admin_client_fixed'],
    async handle(deps, request) {
      await removeClient(deps, request.params.client_id);
      logClientEvent(deps, request, 'client_removed', request.params.client_id);
      return text('OK');
    },
  }),
];
