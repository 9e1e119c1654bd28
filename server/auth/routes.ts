import { z } from 'zod';
import { json, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { object, openObject, text as textSchema } from '../schema/schema.js';
import { accessTokenSeconds, signAccessToken } from './access-token.js';
import { readCredentials } from './basic-credentials.js';
import { grantByClientKey, grantByRefreshToken } from './grant-token.js';
import { revokeRefreshToken } from './refresh-token.js';
import { verifyClient } from './verify-client.js';

const tokenAnswer = z.strictObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.literal(accessTokenSeconds),
});
const refreshTokenBody = object({ refresh_token: textSchema({ min: 1 }) });
const formField = textSchema().optional();

/** Tokens: what proves who a client is, and what it gets for that. */
export const authRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/authenticate/token/{client_id}',
    family: 'v1',
    summary: 'An access token for a client id and key',
    access: 'public',
    headers: { 'client-key': 'The key of the client.' },
    answers: { 200: { description: 'The signed JWT.', content: 'text' } },
    errors: ['login_failed', 'too_many_attempts', 'busy'],
    noStore: true,
    async handle(deps, { params, header, source }) {
      const login = { clientId: params.client_id, clientKey: header('client-key') ?? '', source };
      return text(signAccessToken(deps, await verifyClient(deps, login), { legacy: true }));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/token',
    family: 'v1',
    summary: 'An access token and a refresh token for a client id and key',
    description:
      'HTTP Basic, or a form with `grant_type=client_credentials`, `client_id` and `client_secret`.',
    access: 'public',
    headers: { authorization: 'HTTP Basic: client id and key.' },
    body: {
      mode: 'form',
      schema: openObject({
        grant_type: formField,
        client_id: formField,
        client_secret: formField,
        scope: formField,
      }),
    },
    answers: {
      200: { description: 'The tokens.', content: tokenAnswer.extend({ refresh_token: z.string().min(48) }) },
    },
    errors: [
      'basic_missing',
      'basic_incomplete',
      'login_failed',
      'unsupported_grant_type',
      'too_many_attempts',
      'busy',
    ],
    noStore: true,
    async handle(deps, { body, header, source }) {
      return json(await grantByClientKey(deps, readCredentials(header('authorization'), body), source));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/refresh',
    family: 'v1',
    summary: 'An access token for a refresh token',
    access: 'public',
    body: { mode: 'json', schema: refreshTokenBody },
    answers: { 200: { description: 'The token.', content: tokenAnswer } },
    errors: ['refresh_token_invalid', 'refresh_token_revoked', 'refresh_token_expired'],
    noStore: true,
    async handle(deps, { body, source }) {
      return json(await grantByRefreshToken(deps, body.refresh_token, source));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/oauth2/revoke',
    family: 'v1',
    summary: 'The end of a refresh token',
    access: { roles: ['admin'] },
    body: { mode: 'json', schema: refreshTokenBody },
    answers: { 200: { description: 'It is revoked.', content: z.strictObject({ status: z.literal('OK') }) } },
    errors: ['refresh_token_not_found', 'refresh_token_already_revoked'],
    async handle(deps, { body, caller, source }) {
      const revoked = await revokeRefreshToken(deps, body.refresh_token);
      deps.securityLog({
        event: 'token_revoked',
        outcome: 'accepted',
        ...(caller.clientId !== undefined && { actor: caller.clientId }),
        target: revoked.client_id,
        source,
      });
      return json({ status: 'OK' });
    },
  }),
];
