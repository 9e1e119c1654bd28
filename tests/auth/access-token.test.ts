import { generateKeyPairSync, sign } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { readSigningKeys } from '../../server/auth/signing-keys.js';
import { shareServer } from '../support/share-server.js';
import {
  startServer,
  type TestServer,
  type TestServerOptions,
  testSigningKey,
} from '../support/start-server.js';
import { forgeToken, goodClaims, TestClock, type TokenParts, testNow } from '../support/tokens.js';

/** For tests that only send requests and change nothing. */
const shared = shareServer(test, { clock: new TestClock() });

interface Answer {
  status: number;
  body: unknown;
}

const startAtTestNow = (t: ExecutionContext, options: TestServerOptions = {}): Promise<TestServer> =>
  startServer(t, { clock: new TestClock(), ...options });

/** Requests a route that is open to contributors, managers and admins. */
async function ask(
  server: TestServer,
  authorization?: string,
  path = '/v1/restricted-queues',
): Promise<Answer> {
  const response = await server.request(
    path,
    authorization === undefined ? {} : { headers: { authorization } },
  );
  return { status: response.status, body: await response.json() };
}

const refused = (status: number, message: string): Answer => ({ status, body: { message, detail: {} } });
const accepted: Answer = { status: 200, body: [] };
const undecodable = refused(403, 'Unable to decode token');
const invalid = refused(403, 'Invalid Token');
const badSignature = refused(403, 'Invalid Token signature');
const expired = refused(401, 'Token has expired');
const early = refused(401, 'Token not yet valid');
const missing = (claim: string): Answer => refused(403, `Token missing required claim: ${claim}`);
const wrongRole = refused(403, 'Specified action requires role: admin, manager, contributor');

/** Sends each token as a bearer token and compares the response. */
async function checkTokens(
  t: ExecutionContext,
  server: TestServer,
  rows: readonly [title: string, parts: TokenParts | string, answer: Answer][],
): Promise<void> {
  for (const [title, parts, answer] of rows) {
    const token = typeof parts === 'string' ? parts : forgeToken(parts);
    t.deepEqual(await ask(server, `Bearer ${token}`), answer, title);
  }
}

const withClaims = (claims: object): TokenParts => ({ claims: { ...goodClaims, ...claims } });
const without = (...names: string[]): TokenParts => ({
  claims: Object.fromEntries(Object.entries(goodClaims).filter(([name]) => !names.includes(name))),
});
const otherKey = 'a key of somebody else, as long as it should be';
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test.serial('a string that is not a JWT cannot be decoded', async (t) => {
  const server = shared();
  const [head = '', claims = '', signature = ''] = forgeToken().split('.');
  await checkTokens(t, server, [
    ['one word', 'nonsense', undecodable],
    ['two words', `${forgeToken()} more`, undecodable],
    ['two parts', `${head}.${claims}`, undecodable],
    ['four parts', `${head}.${claims}.${signature}.${signature}`, undecodable],
    ['no header', `.${claims}.${signature}`, undecodable],
    ['no payload', `${head}..${signature}`, undecodable],
    ['a header that is not JSON', `bm8.${claims}.${signature}`, undecodable],
    ['a payload that is not JSON', `${head}.bm8.${signature}`, undecodable],
    ['a header that is an array', { header: ['HS256'] }, undecodable],
    ['a header that is null', `${part(null)}.${claims}.${signature}`, undecodable],
    ['a payload that is an array', { claims: [goodClaims] }, undecodable],
    ['a payload that is a string', { claims: 'exp' }, undecodable],
    ['a payload that is null', { claims: null }, undecodable],
    ['padding', `${head}.${claims}.${signature}=`, undecodable],
  ]);
});

test.serial('only HS256 is accepted, and a critical extension is rejected', async (t) => {
  const server = shared();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const rsaInput = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(goodClaims)}`;
  const rsa = `${rsaInput}.${sign('sha256', Buffer.from(rsaInput), privateKey).toString('base64url')}`;
  await checkTokens(t, server, [
    ['none, unsigned', `${part({ alg: 'none' })}.${part(goodClaims)}.`, invalid],
    ['none, signed', { header: { alg: 'none', typ: 'JWT' } }, invalid],
    ['HS384 with the right key', { header: { alg: 'HS384', typ: 'JWT' }, hash: 'sha384' }, invalid],
    ['HS512 with the right key', { header: { alg: 'HS512', typ: 'JWT' }, hash: 'sha512' }, invalid],
    ['RS256', rsa, invalid],
    ['another case', { header: { alg: 'hs256', typ: 'JWT' } }, invalid],
    ['no algorithm', { header: { typ: 'JWT' } }, invalid],
    ['an algorithm that is an array', { header: { alg: ['HS256'], typ: 'JWT' } }, invalid],
    ['a critical extension', { header: { alg: 'HS256', typ: 'JWT', crit: ['b64'], b64: false } }, invalid],
    ['no type', { header: { alg: 'HS256' } }, accepted],
  ]);
});

test.serial('the signature must be made with the signing key', async (t) => {
  const server = shared();
  const good = forgeToken();
  const other = forgeToken(withClaims({ permissions: { role: 'admin' } }));
  await checkTokens(t, server, [
    ['the right key', {}, accepted],
    ['another key', { key: otherKey }, badSignature],
    ['an empty signature', good.replace(/[^.]+$/, ''), badSignature],
    [
      'other claims with the same signature',
      good.replace(/\.[^.]+\./, `.${other.split('.')[1]}.`),
      badSignature,
    ],
    ['one character too many', `${good}A`, badSignature],
    ['one character too few', good.slice(0, -1), badSignature],
  ]);
});

test.serial('exp, iat and sub are required, and the first missing one is reported', async (t) => {
  const server = shared();
  await checkTokens(t, server, [
    ['no exp', without('exp'), missing('exp')],
    ['no iat', without('iat'), missing('iat')],
    ['no sub', without('sub'), missing('sub')],
    ['exp null', withClaims({ exp: null }), missing('exp')],
    ['none of them', without('exp', 'iat', 'sub'), missing('exp')],
    ['iat and sub missing', without('iat', 'sub'), missing('iat')],
    ['no claims at all', { claims: {} }, missing('exp')],
  ]);
});

test.serial('iat and exp are accepted within the leeway and rejected beyond it', async (t) => {
  const server = shared();
  const wide = await startAtTestNow(t, { settings: { JWT_LEEWAY: '60' } });
  const none = await startAtTestNow(t, { settings: { JWT_LEEWAY: '0' } });
  await checkTokens(t, server, [
    ['iat 5 s ahead', withClaims({ iat: testNow + 5 }), accepted],
    ['iat 6 s ahead', withClaims({ iat: testNow + 6 }), early],
    ['iat a fraction past 5 s ahead', withClaims({ iat: testNow + 5.5 }), early],
    ['exp 4 s ago', withClaims({ exp: testNow - 4 }), accepted],
    ['exp 5 s ago', withClaims({ exp: testNow - 5 }), expired],
    ['nbf 5 s ahead', withClaims({ nbf: testNow + 5 }), accepted],
    ['nbf 6 s ahead', withClaims({ nbf: testNow + 6 }), invalid],
    ['nbf in the past', withClaims({ nbf: testNow - 1 }), accepted],
  ]);
  await checkTokens(t, wide, [
    ['iat 60 s ahead', withClaims({ iat: testNow + 60 }), accepted],
    ['iat 61 s ahead', withClaims({ iat: testNow + 61 }), early],
    ['exp 59 s ago', withClaims({ exp: testNow - 59 }), accepted],
    ['exp 60 s ago', withClaims({ exp: testNow - 60 }), expired],
  ]);
  await checkTokens(t, none, [
    ['iat 1 s ahead', withClaims({ iat: testNow + 1 }), early],
    ['exp now', withClaims({ exp: testNow }), expired],
    ['exp in a second', withClaims({ exp: testNow + 1 }), accepted],
  ]);
});

test.serial('a token of this server is valid for 10 minutes plus the leeway', async (t) => {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  const token = `Bearer ${forgeToken()}`;
  clock.move(604);
  t.deepEqual(await ask(server, token), accepted);
  clock.move(1);
  t.deepEqual(await ask(server, token), expired);
});

test.serial('claims of a wrong type make the token invalid', async (t) => {
  const server = shared();
  await checkTokens(t, server, [
    ['another sub', withClaims({ sub: 'refresh_token' }), invalid],
    ['a sub that is an array', withClaims({ sub: ['access_token'] }), invalid],
    ['an empty sub', withClaims({ sub: '' }), invalid],
    ['an aud', withClaims({ aud: 'queuepass' }), invalid],
    ['an aud that is null', withClaims({ aud: null }), invalid],
    ['an aud that is an empty array', withClaims({ aud: [] }), invalid],
    ['exp that is a string', withClaims({ exp: String(testNow + 600) }), invalid],
    ['exp that is true', withClaims({ exp: true }), invalid],
    ['exp that is an object', withClaims({ exp: { toString: 1, valueOf: 1 } }), invalid],
    ['iat that is a string', withClaims({ iat: String(testNow) }), invalid],
    ['nbf that is a string', withClaims({ nbf: 'now' }), invalid],
    ['nbf that is null', withClaims({ nbf: null }), invalid],
  ]);
});

test.serial('if a token has two faults, the one that is checked first is reported', async (t) => {
  const server = shared();
  const past = { exp: testNow - 100 };
  await checkTokens(t, server, [
    ['undecodable before algorithm', `${part({ alg: 'none' })}.bm8.`, undecodable],
    ['algorithm before signature', { header: { alg: 'HS384', typ: 'JWT' }, key: otherKey }, invalid],
    ['signature before missing claims', { ...without('exp'), key: otherKey }, badSignature],
    ['signature before expiry', { ...withClaims(past), key: otherKey }, badSignature],
    ['signature before nbf', { ...withClaims({ nbf: testNow + 100 }), key: otherKey }, badSignature],
    ['missing claims before nbf', { claims: { nbf: testNow + 100 } }, missing('exp')],
    ['missing sub before expiry', { claims: { ...past, iat: testNow } }, missing('sub')],
    ['iat before exp', withClaims({ ...past, iat: testNow + 100 }), early],
    ['iat before exp that is no number', withClaims({ iat: testNow + 100, exp: 'soon' }), early],
    ['exp before sub', withClaims({ ...past, sub: 'other' }), expired],
    ['exp before aud', withClaims({ ...past, aud: 'other' }), expired],
    ['exp before nbf', withClaims({ ...past, nbf: testNow + 100 }), expired],
    ['sub before role', withClaims({ sub: 'other', permissions: { role: 'nobody' } }), invalid],
  ]);
});

test.serial('Authorization accepts Bearer in any case and the bare JWT, and nothing else', async (t) => {
  const server = shared();
  const token = forgeToken();
  const rows: [header: string | undefined, answer: Answer][] = [
    [`Bearer ${token}`, accepted],
    [`bearer ${token}`, accepted],
    [`BEARER   ${token}`, accepted],
    [token, accepted],
    [undefined, accepted],
    ['', accepted],
    ['Bearer', refused(401, 'Unauthorized')],
    ['bearer ', refused(401, 'Unauthorized')],
    ['nonsense', undecodable],
    ['bearerx', undecodable],
    ['a.b.c', undecodable],
    [`Basic ${Buffer.from('id:key').toString('base64')}`, wrongRole],
    [`Token ${token}`, wrongRole],
    [`${token} Bearer`, wrongRole],
  ];
  for (const [header, answer] of rows) t.deepEqual(await ask(server, header), answer, header ?? 'no header');
});

test.serial('a token without a role is a contributor, and an unknown role grants nothing', async (t) => {
  const server = shared();
  const role = (value: unknown) => withClaims({ permissions: { role: value } });
  await checkTokens(t, server, [
    ['no permissions', {}, accepted],
    ['permissions without a role', withClaims({ permissions: { client_id: 'ci' } }), accepted],
    ['role null', role(null), accepted],
    ['contributor', role('contributor'), accepted],
    ['admin', role('admin'), accepted],
    ['agent', role('agent'), wrongRole],
    ['an unknown role', role('root'), wrongRole],
    ['another case', role('Admin'), wrongRole],
    ['an empty role', role(''), wrongRole],
    ['a role in an array', role(['admin']), wrongRole],
    ['a role that is an object', role({ toString: 1, valueOf: 1 }), wrongRole],
    ['the name of an inherited field', role('constructor'), wrongRole],
  ]);
  const managers = '/v1/client-permissions';
  const forbidden = refused(403, 'Specified action requires role: admin, manager');
  t.deepEqual(await ask(server, `Bearer ${forgeToken()}`, managers), forbidden);
  t.deepEqual(await ask(server, undefined, managers), forbidden);
  t.deepEqual(await ask(server, forgeToken(role('manager')), managers), accepted);
});

/** Submits a job with a priority to q1. Returns the status, and the error message if the permissions do not suffice. */
async function push(server: TestServer, claims: object, priority: number): Promise<[number, string?]> {
  const response = await server.request('/v1/job', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${forgeToken(withClaims(claims))}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ job_queue: 'q1', job_priority: priority, reserve_data: { timeout: 30_000 } }),
  });
  const { message } = (await response.json()) as { message?: string };
  return message === undefined ? [response.status] : [response.status, message];
}

test.serial('a token of the oldest format grants its top-level max_priority', async (t) => {
  const server = await startAtTestNow(t);
  const noReservation = 'Not enough permissions to push to q1 with reservation timeout 30000';
  const tooFar = 'Not enough permissions to push to q1 with priority 51';
  t.deepEqual(await push(server, { max_priority: { q1: 50 } }, 50), [403, noReservation]);
  t.deepEqual(await push(server, { max_priority: { q1: 50 } }, 51), [403, tooFar]);
  t.deepEqual(
    await push(server, { max_priority: { q1: 99 }, permissions: { max_priority: { q1: 50 } } }, 51),
    [403, tooFar],
  );
  t.deepEqual(await push(server, {}, 1), [401, 'Authentication required for setting priority: 1']);
});

test.serial(
  'permissions of wrong types in a correctly signed token grant nothing, and never cause a server error',
  async (t) => {
    const server = await startAtTestNow(t);
    await server.deps.collections.restrictedQueues.insertOne({ queue_name: 'q1' });
    const odd: unknown[] = [null, 5, 'q1', ['q1'], true, { q1: '99' }, { '*': null }, { q1: { $gt: 0 } }, {}];
    const refusals = new Set<string>();
    for (const value of odd) {
      for (const claims of [
        { max_priority: value },
        { permissions: value },
        { permissions: { max_priority: value } },
        { permissions: { max_priority: { q1: 9 }, allowed_queues: value } },
        { permissions: { max_priority: { q1: 9 }, allowed_queues: ['q1'], max_reservation_time: value } },
        { permissions: { client_id: value, email: value, max_priority: value } },
      ]) {
        const [status, message = ''] = await push(server, claims, 9);
        if (JSON.stringify(value) === '["q1"]' && message.includes('reservation')) continue;
        t.true(status === 401 || status === 403, `${JSON.stringify(claims)}: ${status} ${message}`);
        refusals.add(message);
      }
    }
    t.true(refusals.has('Not enough permissions to push to the restricted queue: q1'));
  },
);

test.serial('a previous signing key verifies tokens and never signs them', async (t) => {
  const settings = { JWT_PREVIOUS_SIGNING_KEYS: JSON.stringify([otherKey]) };
  const server = await startAtTestNow(t, { settings });
  const [current, previous] = readSigningKeys(testSigningKey, [otherKey]).all;
  const header = (kid: unknown) => ({ alg: 'HS256', typ: 'JWT', kid });
  await checkTokens(t, server, [
    ['the previous key without kid', { key: otherKey }, accepted],
    ['the previous key with its kid', { key: otherKey, header: header(previous?.kid) }, accepted],
    ['the current key with its kid', { header: header(current?.kid) }, accepted],
    ['the current key with the kid of the previous one', { header: header(previous?.kid) }, badSignature],
    ['an unknown kid', { header: header('unknown') }, badSignature],
    ['a kid that is not a string', { header: header(null) }, badSignature],
    ['a third key', { key: `${otherKey}!` }, badSignature],
  ]);
  const withoutPrevious = await startAtTestNow(t);
  t.deepEqual(await ask(withoutPrevious, `Bearer ${forgeToken({ key: otherKey })}`), badSignature);
});

test.serial('the bytes of the setting are the signing key, without decoding', async (t) => {
  const key = 'ZMOkbmdlcmVyIFNjaGzDvHNzZWwgYWxzIGVzIHNlaW4gbXVzcw== ä';
  const server = await startAtTestNow(t, { settings: { JWT_SIGNING_KEY: key } });
  t.deepEqual(await ask(server, `Bearer ${forgeToken({ key })}`), accepted);
});

test.serial('without a token a caller is anonymous, unless that is denied or OIDC is on', async (t) => {
  const oidc = { OIDC_CLIENT_ID: 'id', OIDC_PROVIDER_ISSUER: 'https://issuer', WEB_SECRET_KEY: 'key' };
  const closed = refused(401, 'Authentication is required for specified endpoint');
  const rows: [settings: Record<string, string>, answer: Answer][] = [
    [{}, accepted],
    [{ ANONYMOUS_ACCESS: 'deny' }, closed],
    [{ ...oidc, ANONYMOUS_ACCESS: 'allow' }, closed],
    [{ WEB_SECRET_KEY: 'key' }, accepted],
  ];
  for (const [settings, answer] of rows) {
    const server = await startAtTestNow(t, { settings });
    t.deepEqual(await ask(server), answer, JSON.stringify(settings));
    t.deepEqual(await ask(server, ''), answer, 'an empty header counts as a missing one');
    t.deepEqual(await ask(server, `Bearer ${forgeToken()}`), accepted, 'a token is still accepted');
    if (server.deps.config.oidc) continue;
    const login = await server.request('/oidc/auth-init', { method: 'POST' });
    t.is(login.status, 404);
    t.is(await login.text(), 'Not found: /oidc/auth-init');
    await server.stop();
  }
});

test.serial('the security log has the reason for each refused token and never the token', async (t) => {
  const server = await startAtTestNow(t);
  const token = forgeToken({ key: otherKey });
  await ask(server, `Bearer ${token}`);
  await ask(server, forgeToken(withClaims({ aud: 'x', permissions: { client_id: 'ci' } })));
  const events = server.logged.filter((line) => line.log === 'security');
  t.like(events, { 0: { event: 'token_refused', reason: 'token_signature' }, 1: { reason: 'purpose' } });
  t.false(server.logText().includes(token.slice(0, 20)));
});
