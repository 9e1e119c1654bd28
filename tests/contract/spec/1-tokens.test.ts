import test from 'ava';
import type { RefreshToken } from '../../../server/auth/collections.js';
import { addClient, bearer } from '../../support/clients.js';
import { shareServer } from '../../support/share-server.js';
import { refused, type SpecRow, send, testRows, text } from '../../support/spec-rows.js';
import type { TestServer } from '../../support/start-server.js';
import { forgeToken, goodClaims, TestClock, type TokenParts, testNow } from '../../support/tokens.js';

const secret = 'a client secret of good length';
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const loginFailed = text(401, 'Invalid client id or client key');

let clients = 0;
/** Adds a client and returns its id. */
async function makeClient(server: TestServer): Promise<string> {
  const client_id = `client-${++clients}`;
  await addClient(server, { client_id }, secret);
  return client_id;
}

const seed = (server: TestServer, id: string, key?: string) =>
  server.request(`/v1/authenticate/token/${id}`, key === undefined ? {} : { headers: { 'client-key': key } });

const token = (server: TestServer, authorization?: string, form?: Record<string, string>) =>
  server.request('/v1/oauth2/token', {
    method: 'POST',
    headers: authorization === undefined ? {} : { authorization },
    ...(form && { body: new URLSearchParams(form) }),
  });

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;
const challenge = { 'www-authenticate': /^Basic / };

const logins: SpecRow[] = [
  {
    says: 'seed route, 200: the body is the signed JWT itself, as text/plain',
    given: async (server) => seed(server, await makeClient(server), secret),
    status: 200,
    body: jwt,
    headers: { 'content-type': /^text\/plain/ },
  },
  {
    says: 'seed route, 401: an unknown client',
    given: (server) => seed(server, 'nobody', secret),
    ...loginFailed,
  },
  {
    says: 'seed route, 401: a wrong key',
    given: async (server) => seed(server, await makeClient(server), 'wrong'),
    ...loginFailed,
  },
  {
    says: 'seed route, 401: a missing header',
    given: async (server) => seed(server, await makeClient(server)),
    ...loginFailed,
  },
  {
    says: 'seed route, 401: a client with no stored key',
    async given(server) {
      await addClient(server, { client_id: 'keyless' });
      return seed(server, 'keyless', secret);
    },
    ...loginFailed,
  },
  {
    says: 'oauth2/token with Basic, 200: {access_token, token_type: "Bearer", expires_in, refresh_token}',
    given: async (server) => token(server, basic(`${await makeClient(server)}:${secret}`)),
    status: 200,
    body: { access_token: jwt, token_type: 'Bearer', expires_in: 600, refresh_token: /^[\w-]{48,}$/ },
  },
  {
    says: 'oauth2/token: a form body with client_id/client_secret and grant_type is accepted as well',
    given: async (server) =>
      token(server, undefined, {
        client_id: await makeClient(server),
        client_secret: secret,
        grant_type: 'client_credentials',
        scope: 'ignored',
      }),
    status: 200,
    body: { access_token: jwt, token_type: 'Bearer', expires_in: 600, refresh_token: /^[\w-]{48,}$/ },
  },
  {
    says: '401, text: No authorization header specified',
    given: (server) => token(server),
    ...text(401, 'No authorization header specified'),
    headers: { 'www-authenticate': null },
  },
  {
    says: '401, text: Client id and key must be specified in authorization header',
    given: (server) => token(server, basic('nobody:')),
    ...text(401, 'Client id and key must be specified in authorization header'),
    headers: challenge,
  },
  {
    says: '401, text: Invalid client id or client key; WWW-Authenticate goes with it',
    given: (server) => token(server, basic('nobody:wrong')),
    ...loginFailed,
    headers: challenge,
  },
  {
    says: 'a key of more than 72 bytes is an invalid one',
    given: async (server) => token(server, basic(`${await makeClient(server)}:${'x'.repeat(73)}`)),
    ...loginFailed,
  },
  {
    says: 'a form alone that fails: 401 without WWW-Authenticate',
    given: (server) => token(server, undefined, { client_id: 'nobody', client_secret: 'wrong' }),
    status: 401,
    body: { error: 'invalid_client' },
    headers: { 'www-authenticate': null },
  },
  {
    says: 'Basic wins over a form',
    given: async (server) =>
      token(server, basic('nobody:wrong'), { client_id: await makeClient(server), client_secret: secret }),
    status: 401,
    body: { error: 'invalid_client' },
  },
  {
    says: 'another grant_type: 400 {"error": "unsupported_grant_type"}',
    given: (server) => token(server, basic('a:b'), { grant_type: 'password' }),
    status: 400,
    body: { error: 'unsupported_grant_type' },
  },
];

const refresh = (server: TestServer, refresh_token: string) =>
  send(server, 'POST', '/v1/oauth2/refresh', { refresh_token });
const revoke = (server: TestServer, refresh_token: string, role = 'admin') =>
  send(server, 'POST', '/v1/oauth2/revoke', { refresh_token }, bearer(server, { role }));

/** Stores an undigested refresh token, as an existing database has it. */
async function store(server: TestServer, fields: Partial<RefreshToken> = {}): Promise<string> {
  const client_id = await makeClient(server);
  const refresh_token = `refresh token of ${client_id}`;
  const issued_at = new Date((testNow - 60) * 1000);
  await server.deps.collections.refreshTokens.insertOne({ client_id, refresh_token, issued_at, ...fields });
  return refresh_token;
}

const refreshTokens: SpecRow[] = [
  {
    says: 'oauth2/refresh: {access_token, token_type, expires_in}; without expires_at it never expires',
    given: async (server) => refresh(server, await store(server)),
    status: 200,
    body: { access_token: jwt, token_type: 'Bearer', expires_in: 600 },
  },
  {
    says: '400: Invalid refresh token. (unknown)',
    given: (server) => refresh(server, 'unknown'),
    ...refused(400, 'Invalid refresh token.'),
  },
  {
    says: '400: Invalid refresh token. (its client was deleted)',
    given: async (server) => refresh(server, await store(server, { client_id: 'gone' })),
    ...refused(400, 'Invalid refresh token.'),
  },
  {
    says: '400: Refresh token revoked.',
    given: async (server) => refresh(server, await store(server, { revoked: true })),
    ...refused(400, 'Refresh token revoked.'),
  },
  {
    says: '400: Refresh token expired',
    given: async (server) =>
      refresh(server, await store(server, { expires_at: new Date(testNow * 1000 - 1) })),
    ...refused(400, 'Refresh token expired'),
  },
  {
    says: 'oauth2/revoke (admin): {"status": "OK"}',
    given: async (server) => revoke(server, await store(server)),
    status: 200,
    body: { status: 'OK' },
  },
  {
    says: '400: Refresh token not found',
    given: (server) => revoke(server, 'unknown'),
    ...refused(400, 'Refresh token not found'),
  },
  {
    says: '400: Refresh token has already been revoked',
    given: async (server) => revoke(server, await store(server, { revoked: true })),
    ...refused(400, 'Refresh token has already been revoked'),
  },
  {
    says: 'oauth2/revoke is for admins',
    given: (server) => revoke(server, 'any', 'manager'),
    ...refused(403, 'Specified action requires role: admin'),
  },
];

/** Requests a route for contributors, managers and admins with this Authorization header, or without one. */
const ask = (authorization?: string) => (server: TestServer) =>
  server.request('/v1/restricted-queues', authorization === undefined ? {} : { headers: { authorization } });
const bear = (parts: TokenParts) => ask(`Bearer ${forgeToken(parts)}`);
const claim = (changed: object) => bear({ claims: { ...goodClaims, ...changed } });
const accepted = { status: 200, body: [] };
const noRole = refused(403, 'Specified action requires role: admin, manager, contributor');
const invalidToken = refused(403, 'Invalid Token');
const noDecode = refused(403, 'Unable to decode token');
const closed = refused(401, 'Authentication is required for specified endpoint');

const bearers: SpecRow[] = [
  { says: 'Authorization: Bearer <jwt>', given: bear({}), ...accepted },
  { says: 'the bare JWT as the header value is accepted too', given: ask(forgeToken()), ...accepted },
  { says: 'Bearer in any case', given: ask(`bEARER ${forgeToken()}`), ...accepted },
  { says: 'clock leeway for exp', given: claim({ exp: testNow - 4 }), ...accepted },
  { says: 'clock leeway for iat', given: claim({ iat: testNow + 5 }), ...accepted },
  {
    says: 'expired: 401 Token has expired',
    given: claim({ exp: testNow - 60 }),
    ...refused(401, 'Token has expired'),
  },
  {
    says: 'iat in the future past the leeway: 401 Token not yet valid',
    given: claim({ iat: testNow + 60 }),
    ...refused(401, 'Token not yet valid'),
  },
  {
    says: 'bad signature: 403 Invalid Token signature',
    given: bear({ key: 'a key of somebody else, as long as it should be' }),
    ...refused(403, 'Invalid Token signature'),
  },
  ...['exp', 'iat', 'sub'].map((name) => ({
    says: `missing ${name}: 403 Token missing required claim: ${name}`,
    given: claim({ [name]: undefined }),
    ...refused(403, `Token missing required claim: ${name}`),
  })),
  { says: 'not a JWT: 403 Unable to decode token', given: ask('Bearer a.b.c'), ...noDecode },
  { says: 'one word without a dot: Unable to decode token', given: ask('word'), ...noDecode },
  { says: 'the algorithm none: 403', given: bear({ header: { alg: 'none' } }), ...invalidToken },
  {
    says: 'another algorithm: 403',
    given: bear({ header: { alg: 'HS512', typ: 'JWT' }, hash: 'sha512' }),
    ...invalidToken,
  },
  { says: 'a sub other than access_token: 403 Invalid Token', given: claim({ sub: 'x' }), ...invalidToken },
  { says: 'any aud: 403 Invalid Token', given: claim({ aud: 'x' }), ...invalidToken },
  { says: 'Bearer alone: 401 Unauthorized', given: ask('Bearer'), ...refused(401, 'Unauthorized') },
  { says: 'no header at all: anonymous with the role contributor', given: ask(), ...accepted },
  { says: 'an empty header counts as none', given: ask(''), ...accepted },
  { says: 'another scheme than Bearer: 403 as for a missing role', given: ask('Basic YTpi'), ...noRole },
  {
    says: 'a role not on the list of a route: 403 Specified action requires role: <roles>',
    given: claim({ permissions: { role: 'agent' } }),
    ...noRole,
  },
  { says: 'an unknown role: 403', given: claim({ permissions: { role: 'root' } }), ...noRole },
  {
    says: 'secrets routes name the roles in the order contributor, manager, admin',
    given: (server) =>
      send(
        server,
        'PUT',
        '/v1/secrets/x/y',
        {},
        { authorization: bearer(server, { role: 'agent' }).authorization },
      ),
    ...refused(403, 'Specified action requires role: contributor, manager, admin'),
  },
  {
    says: 'a token of the oldest format grants its max_priority',
    given: (server) =>
      send(
        server,
        'POST',
        '/v1/job',
        { job_queue: 'q1', job_priority: 5 },
        { authorization: `Bearer ${forgeToken({ claims: { ...goodClaims, max_priority: { q1: 5 } } })}` },
      ),
    status: 200,
    body: { job_id: /^[0-9a-f-]{36}$/ },
  },
  {
    says: 'POST /oidc/auth-init is 404 while OIDC is off',
    given: (server) => server.request('/oidc/auth-init', { method: 'POST' }),
    ...text(404, 'Not found: /oidc/auth-init'),
  },
];

const oidc = { OIDC_CLIENT_ID: 'id', OIDC_PROVIDER_ISSUER: 'https://issuer', WEB_SECRET_KEY: 'key' };
const clock = new TestClock();
testRows(test, shareServer(test, { clock }), [...logins, ...refreshTokens, ...bearers]);
testRows(test, shareServer(test, { clock, settings: oidc }), [
  { says: 'while OIDC is on, no header: 401', given: ask(), ...closed },
]);
testRows(test, shareServer(test, { clock, settings: { ANONYMOUS_ACCESS: 'deny' } }), [
  { says: 'with ANONYMOUS_ACCESS=deny and without OIDC, no header: 401', given: ask(), ...closed },
]);
