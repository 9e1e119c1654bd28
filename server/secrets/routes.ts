import { auditChange } from '../audit/audit-change.js';
import type { Core, DepsOf } from '../core/core.js';
import { commonErrors } from '../errors/common-errors.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { secretErrors } from './errors.js';
import { putSecret } from './put-secret.js';
import { removeSecret } from './remove-secret.js';
import { secretInput, secretResponse } from './secret-schema.js';

type RouteDeps = Core & DepsOf<typeof putSecret>;
const route = routesOf<RouteDeps>();

// Error texts of these two routes list the roles in this order, and scripts may depend on it.
const access = { roles: roleGroups.submitters, namesRolesAsListed: true, refusesRemoved: true };
const errors = [
  commonErrors.validation,
  secretErrors.storeMissing,
  secretErrors.loginRequired,
  secretErrors.ofOtherClient,
] as const;

/** The routes with which clients store, replace and remove secrets for their own jobs. Only a claim reads a secret. */
export const secretRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'PUT',
    path: '/v1/secrets/{client_id}/{path}',
    wildcard: true,
    family: 'v1',
    summary: 'Store a secret of the caller',
    description:
      'Replaces an existing secret. The path may contain slashes, but not end with one. An ephemeral secret is deleted when a job reads it. With `expire_after: null`, the secret never expires.',
    access,
    audit: ['secret_changed'],
    body: { mode: 'json', schema: secretInput },
    answers: { 200: { description: 'The expiry of the secret, or null.', content: secretResponse } },
    errors,
    async handle(deps, request) {
      const place = { clientId: request.params.client_id, path: request.params.path };
      const expiresAt = await putSecret(deps, { caller: request.principal, place, input: request.body });
      await auditChange(deps, request.principal, 'secret_changed', place.path);
      return json({ expires_at: expiresAt });
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/secrets/{client_id}/{path}',
    wildcard: true,
    family: 'v1',
    summary: 'Remove a secret of the caller',
    access,
    audit: ['secret_removed'],
    answers: { 200: { description: '`OK`, also if the secret did not exist.', content: 'text' } },
    errors,
    async handle(deps, request) {
      const place = { clientId: request.params.client_id, path: request.params.path };
      await removeSecret(deps, request.principal, place);
      await auditChange(deps, request.principal, 'secret_removed', place.path);
      return text('OK');
    },
  }),
];
