import { z } from 'zod';
import type { DepsOf } from '../core/core.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';
import { object, openObject, text as textSchema } from '../schema/schema.js';
import { signAccessToken } from './access-token.js';
import { authErrors } from './errors.js';
import { grantByRefreshToken, grantToken } from './grant-token.js';
import { presentOAuthErrors } from './oauth-errors.js';
import { revokeRefreshToken } from './refresh-token.js';
import { tokenKinds } from './token-kinds.js';
import { verifyClient } from './verify-client.js';

type RouteDeps = DepsOf<typeof grantToken> & DepsOf<typeof grantByRefreshToken>;
const route = routesOf<RouteDeps>();

const tokenAnswer = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.literal(tokenKinds.access.lifetimeSeconds),
});
const refreshTokenBody = object({ refresh_token: textSchema({ min: 1 }) });
const formField = textSchema().optional();

/** The routes that issue, refresh and revoke tokens. */
export const authRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/authenticate/token/{client_id}',
    family: 'v1',
    summary: 'Get an access token for a client id and key',
    access: 'public',
    audit: ['login'],
    headers: { 'client-key': "The client's key." },
    answers: { 200: { description: 'The signed JWT.', content: 'text' } },
    errors: [authErrors.loginFailed, authErrors.tooManyAttempts, authErrors.busy],
    noStore: true,
    async handle(deps, { params, header, principal: { source } }) {
      const login = { clientId: params.client_id, clientKey: header('client-key') ?? '', source };
      const { record } = await verifyClient(deps, login);
      return text(signAccessToken(deps, record, { legacy: true }));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/token',
    family: 'v1',
    summary: 'Get an access token and a refresh token for a client id and key',
    description:
      'Send the client id and key with HTTP Basic, or as a form with `grant_type=client_credentials`, `client_id` and `client_secret`. With `grant_type=refresh_token` and a `refresh_token`, the client gets an access token only. A request with a `grant_type`, or with a client id or key in the form, gets errors in the form of RFC 6749, section 5.2.',
    access: 'public',
    audit: ['login', 'refresh'],
    headers: { authorization: 'The client id and key, as HTTP Basic.' },
    body: {
      mode: 'form',
      formError: authErrors.invalidRequest,
      schema: openObject({
        grant_type: formField,
        client_id: formField,
        client_secret: formField,
        refresh_token: formField,
        scope: formField,
      }),
    },
    answers: {
      200: {
        description: 'The tokens.',
        content: tokenAnswer.extend({ refresh_token: z.string().min(48).optional() }),
      },
    },
    errors: [
      authErrors.basicMissing,
      authErrors.basicIncomplete,
      authErrors.loginFailed,
      authErrors.unsupportedGrantType,
      authErrors.tooManyAttempts,
      authErrors.busy,
      authErrors.invalidClient,
      authErrors.invalidRequest,
      authErrors.invalidGrant,
      authErrors.slowDown,
      authErrors.temporarilyUnavailable,
    ],
    noStore: true,
    async handle(deps, { body, header, principal: { source } }) {
      const request = { authorization: header('authorization'), form: body, source };
      return json(await presentOAuthErrors(deps, request, () => grantToken(deps, request)));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/refresh',
    family: 'v1',
    summary: 'Get an access token for a refresh token',
    access: 'public',
    audit: ['refresh'],
    body: { mode: 'json', schema: refreshTokenBody },
    answers: { 200: { description: 'The access token.', content: tokenAnswer } },
    errors: [authErrors.refreshTokenInvalid, authErrors.refreshTokenRevoked, authErrors.refreshTokenExpired],
    noStore: true,
    async handle(deps, { body, principal: { source } }) {
      return json(await grantByRefreshToken(deps, { token: body.refresh_token, source }));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/revoke',
    family: 'v1',
    summary: 'Revoke a refresh token',
    access: { roles: roleGroups.admins },
    audit: ['token_revoked'],
    body: { mode: 'json', schema: refreshTokenBody },
    answers: {
      200: {
        description: 'The refresh token is revoked.',
        content: z.strictObject({ status: z.literal('OK') }),
      },
    },
    errors: [authErrors.refreshTokenNotFound, authErrors.refreshTokenAlreadyRevoked],
    async handle(deps, { body, principal: { actor, kind, source, requestId } }) {
      const revoked = await revokeRefreshToken(deps, body.refresh_token);
      await deps.audit({
        event: 'token_revoked',
        outcome: 'accepted',
        ...(actor !== undefined && { actor }),
        actor_kind: kind,
        target: revoked.client_id,
        source,
        request_id: requestId,
      });
      return json({ status: 'OK' });
    },
  }),
];
