import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import { authErrors } from '../auth/errors.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { makeClientKey } from './client-keys.js';
import { clientAnswer, clientInput, clientQuery, madeClientAnswer } from './client-schema.js';
import { clientErrors } from './errors.js';
import { getClient } from './get-client.js';
import { presentClient } from './present-client.js';
import { putClient } from './put-client.js';
import { removeClient } from './remove-client.js';
import type { ClientServices } from './services.js';
import { listDisabledIds } from './set-disabled.js';

type RouteDeps = Core &
  Pick<AuthServices, 'bcryptPool' | 'collections'> &
  Pick<ClientServices, 'collections' | 'removeClientData'>;
const route = routesOf<RouteDeps>();

/** The routes of clients and their permissions. */
export const clientRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/client-permissions',
    family: 'v1',
    summary: 'List all clients with their permissions',
    access: { roles: roleGroups.managers },
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The clients, sorted by id.', content: z.array(clientAnswer) } },
    async handle(deps) {
      const records = await deps.collections.clients.find().sort({ client_id: 1 }).toArray();
      const disabled = await listDisabledIds(deps);
      return json(records.map((record) => presentClient(record, disabled.has(record.client_id))));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'Get a client with its permissions',
    access: { roles: roleGroups.managers },
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The client.', content: clientAnswer } },
    errors: [clientErrors.notFound],
    async handle(deps, { params }) {
      const record = await getClient(deps, params.client_id);
      const disabled = await deps.collections.disabledClients.findOne({ _id: params.client_id });
      return json(presentClient(record, disabled !== null));
    },
  }),
  route({
    method: 'PUT',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'Create or change a client',
    description:
      'With `generate_key=true` the server also makes a key for the client and returns JSON; otherwise it returns plain text. With `disabled` the server refuses the logins and refresh tokens of the client at once.',
    access: { roles: roleGroups.managers },
    audit: ['client_changed', 'client_key_made'],
    query: clientQuery,
    body: { mode: 'json', schema: clientInput },
    answers: {
      200: {
        description: 'A confirmation as text, or the new key as JSON. The key is returned only once.',
        content: madeClientAnswer,
        orText: true,
      },
    },
    errors: [
      clientErrors.secretMissing,
      clientErrors.adminFixed,
      clientErrors.oidcFixed,
      clientErrors.insufficientRights,
      clientErrors.tooManyKeys,
      clientErrors.stillEnding,
      authErrors.busy,
    ],
    noStore: true,
    async handle(deps, request) {
      const { params, query, body, principal: caller } = request;
      const generateKey = query.generate_key === true;
      const change = { caller, clientId: params.client_id, input: body, generateKey };
      const { isNew, changes } = await putClient(deps, change);
      const details = isNew ? { created: true, ...changes } : changes;
      await auditChange(deps, caller, 'client_changed', params.client_id, details);
      if (!generateKey) {
        const word = isNew ? 'Created' : 'Updated';
        return text(`${word} permissions for client '${params.client_id}'`);
      }
      const label = query.key_label === undefined ? {} : { label: query.key_label };
      const made = await makeClientKey(deps, params.client_id, label);
      await auditChange(deps, request.principal, 'client_key_made', params.client_id, {
        detail: { key_id: made.key_id },
      });
      return json({ client_id: params.client_id, key_id: made.key_id, client_key: made.client_key });
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/client-permissions/{client_id}',
    family: 'v1',
    summary: 'Remove a client with its refresh tokens, keys and secrets',
    access: { roles: roleGroups.admins },
    audit: ['client_removed'],
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [clientErrors.notFound, clientErrors.adminFixed],
    async handle(deps, request) {
      await removeClient(deps, request.params.client_id);
      await auditChange(deps, request.principal, 'client_removed', request.params.client_id);
      return text('OK');
    },
  }),
];
