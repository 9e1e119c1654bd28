import { json, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { logClientEvent } from '../clients/log-client-event.js';
import { putSecret } from './put-secret.js';
import { removeSecret } from './remove-secret.js';
import { secretAnswer, secretInput } from './secret-schema.js';

// This order is what scripts know from these two routes.
const access = { roles: ['contributor', 'manager', 'admin'], toldAsListed: true } as const;
const errors = [
  'validation',
  'secrets_store_missing',
  'secret_login_required',
  'secret_of_other_client',
] as const;

/** Secrets, which a client stores for its own jobs; they can be replaced and removed, and only a claim reads them. */
export const secretRoutes: readonly AnyRoute[] = [
  route({
    method: 'PUT',
    path: '/v1/secrets/{client_id}/{path}',
    wildcard: true,
    family: 'v1',
    summary: 'Stores a secret of the caller',
    description: 'The path may hold slashes. An ephemeral secret vanishes when a job reads it.',
    access,
    body: { mode: 'json', schema: secretInput },
    answers: { 200: { description: 'When it expires, or null.', content: secretAnswer } },
    errors,
    async handle(deps, request) {
      const place = { clientId: request.params.client_id, path: request.params.path };
      const expiresAt = await putSecret(deps, { caller: request.caller, place, input: request.body });
      logClientEvent(deps, request, 'secret_changed', place.path);
      return json({ expires_at: expiresAt });
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/secrets/{client_id}/{path}',
    wildcard: true,
    family: 'v1',
    summary: 'Removes a secret of the caller',
    access,
    answers: { 200: { description: '`OK`, also when there was none.', content: 'text' } },
    errors,
    async handle(deps, request) {
      const place = { clientId: request.params.client_id, path: request.params.path };
      await removeSecret(deps, request.caller, place);
      logClientEvent(deps, request, 'secret_removed', place.path);
      return text('OK');
    },
  }),
];
