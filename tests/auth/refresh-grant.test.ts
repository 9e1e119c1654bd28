import test, { type ExecutionContext } from 'ava';
import { issueRefreshToken } from '../../server/auth/refresh-token.js';
import { addClient } from '../support/clients.js';
import { askToken, type LoginAnswer, loginFailed } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { readClaims, TestClock } from '../support/tokens.js';

const secret = 'a client secret of good length';
const challenge = 'Basic realm="queuepass", charset="UTF-8"';
const day = 24 * 3600;

const refused = (status: number, error: string): LoginAnswer => ({
  ...loginFailed,
  status,
  type: 'application/json',
  body: JSON.stringify({ error }),
});

/** A server with two clients, and a refresh token that the login of `ci` returned. */
async function start(t: ExecutionContext) {
  const clock = new TestClock();
  const server = await startServer(t, { clock });
  await addClient(server, { client_id: 'ci', max_priority: { q1: 1 } }, secret);
  await addClient(server, { client_id: 'other' }, secret);
  const { refresh_token: token } = JSON.parse((await askToken(server, `ci:${secret}`)).body) as {
    refresh_token: string;
  };
  const refresh = (form: Record<string, string>, basic?: string): Promise<LoginAnswer> =>
    askToken(server, basic, { grant_type: 'refresh_token', ...form });
  return { server, clock, token, refresh };
}

const findToken = ({ deps }: TestServer) => deps.collections.refreshTokens.findOne({ client_id: 'ci' });

test.serial(
  'grant_type=refresh_token returns an access token with the current permissions, and no refresh token',
  async (t) => {
    const { server, clock, token, refresh } = await start(t);
    await server.deps.collections.clients.updateOne(
      { client_id: 'ci' },
      { $set: { max_priority: { q1: 2 } } },
    );
    clock.move(day);
    const inForm = { client_id: 'ci', client_secret: secret };
    for (const answer of [
      await refresh({ refresh_token: token }, `ci:${secret}`),
      await refresh({ refresh_token: token, scope: 'any', ...inForm }),
    ]) {
      t.deepEqual(
        { ...answer, body: '' },
        { ...loginFailed, status: 200, type: 'application/json', body: '' },
      );
      const { access_token: pass, ...rest } = JSON.parse(answer.body) as { access_token: string };
      t.deepEqual(rest as unknown, { token_type: 'Bearer', expires_in: 600 });
      t.like(readClaims(pass), { permissions: { client_id: 'ci', max_priority: { q1: 2 } } });
    }
    t.deepEqual((await findToken(server))?.last_accessed, clock.now());
  },
);

test.serial('the client must send its id and key', async (t) => {
  const { token, refresh } = await start(t);
  t.deepEqual(await refresh({ refresh_token: token }), refused(401, 'invalid_client'));
  t.deepEqual(await refresh({ refresh_token: token, client_id: 'ci' }), refused(401, 'invalid_client'));
  t.deepEqual(await refresh({ refresh_token: token }, 'ci:wrong'), {
    ...refused(401, 'invalid_client'),
    challenge,
  });
});

test.serial('a token that is unknown, of another client, revoked or expired is invalid_grant', async (t) => {
  const { server, clock, token, refresh } = await start(t);
  const before = (await findToken(server))?.last_accessed;
  clock.move(60);
  const invalid = refused(400, 'invalid_grant');
  t.deepEqual(await refresh({ refresh_token: 'unknown' }, `ci:${secret}`), invalid);
  t.deepEqual(await refresh({ refresh_token: token }, `other:${secret}`), invalid);
  t.deepEqual(
    (await findToken(server))?.last_accessed,
    before,
    'another client does not keep the token alive',
  );
  const revoked = await issueRefreshToken(server.deps, 'ci');
  await server.deps.collections.refreshTokens.updateMany(
    { last_accessed: clock.now() },
    { $set: { revoked: true } },
  );
  t.deepEqual(await refresh({ refresh_token: revoked }, `ci:${secret}`), invalid);
  clock.move(6 * day);
  t.deepEqual(await refresh({ refresh_token: token }, `ci:${secret}`), invalid);
  const reasons = server.logged.filter(({ event }) => event === 'refresh').map(({ reason }) => reason);
  t.deepEqual(reasons, [
    'refresh_token_invalid',
    'token of another client',
    'refresh_token_revoked',
    'refresh_token_expired',
  ]);
});

test.serial('a missing refresh token is invalid_request', async (t) => {
  const { refresh } = await start(t);
  t.deepEqual(await refresh({}, `ci:${secret}`), refused(400, 'invalid_request'));
  t.deepEqual(await refresh({ refresh_token: '' }, `ci:${secret}`), refused(400, 'invalid_request'));
});
