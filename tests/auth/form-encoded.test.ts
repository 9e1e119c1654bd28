import test, { type ExecutionContext } from 'ava';
import type { CompareKind } from '../../server/auth/bcrypt-pool.js';
import { makeClientKey } from '../../server/clients/client-keys.js';
import { addClient } from '../support/clients.js';
import { askToken, loginFailed, readAnswer } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';
import { readClaims } from '../support/tokens.js';

const odd = 'a-_+/=&% ~b with äöü';
const challenge = 'Basic realm="queuepass", charset="UTF-8"';

/** Encodes a value as openid-client and oauth4webapi do: every character that is not a letter or a digit. */
function encodeAll(value: string): string {
  return encodeURIComponent(value).replace(/[-_.!~*'()]|%20/g, (found) =>
    found === '%20' ? '+' : `%${found.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Encodes a value as Go's `url.QueryEscape` and simple-oauth2 do. */
const encodeSome = (value: string): string => encodeURIComponent(value).replaceAll('%20', '+');

async function clientOf(server: TestServer, basic: string): Promise<unknown> {
  const { status, body } = await askToken(server, basic);
  if (status !== 200) return status;
  const { access_token: token } = JSON.parse(body) as { access_token: string };
  return (readClaims(token).permissions as { client_id: string }).client_id;
}

async function startCounting(t: ExecutionContext) {
  const compares: CompareKind[] = [];
  const server = await startServer(t, { onCompare: (kind) => void compares.push(kind) });
  return { server, compares };
}

test.serial('Basic credentials are accepted as sent and form-encoded, whatever they contain', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci_1.a+b' }, odd);
  const { client_key: key } = await makeClientKey(server.deps, 'ci_1.a+b');
  for (const secret of [odd, key]) {
    for (const encode of [(value: string) => value, encodeAll, encodeSome]) {
      t.is(await clientOf(server, `${encode('ci_1.a+b')}:${encode(secret)}`), 'ci_1.a+b', encode(secret));
    }
  }
  t.deepEqual(await askToken(server, `ci_1.a%2Bb:${encodeAll('wrong_key')}`), { ...loginFailed, challenge });
  t.is(await clientOf(server, 'ci_1.a%2Bb:%zz'), 401, 'not a form-encoded text');
});

test.serial('Basic credentials in ISO 8859-1 are accepted, as Python libraries send them', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, odd);
  const authorization = `Basic ${Buffer.from(`ci:${odd}`, 'latin1').toString('base64')}`;
  const response = await server.request('/v1/oauth2/token', { method: 'POST', headers: { authorization } });
  t.is((await readAnswer(response)).status, 200);
});

test.serial(
  'the reading as sent comes first when both name a client, also when the other is cached',
  async (t) => {
    const server = await startServer(t);
    await addClient(server, { client_id: 'a%2Bb' }, 'one secret for both');
    await addClient(server, { client_id: 'a+b' }, 'one secret for both');
    await addClient(server, { client_id: 'c%2Bd' }, 'a secret of its own');
    await addClient(server, { client_id: 'c+d' }, 'another secret');
    for (const id of ['a+b', 'a%2Bb', 'a+b', 'a%2Bb']) {
      t.is(await clientOf(server, `${id}:one secret for both`), id);
    }
    t.is(await clientOf(server, 'c+d:another secret'), 'c+d');
    for (let i = 0; i < 3; i += 1) t.is(await clientOf(server, 'c%2Bd:another secret'), 'c+d');
    t.is(await clientOf(server, 'c%2Bd:a secret of its own'), 'c%2Bd');
  },
);

test.serial('a failed login counts as one attempt, for the decoded id', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, odd);
  for (const id of ['%63i', 'c%69', '%63%69', 'ci']) t.is(await clientOf(server, `${id}:wrong+key`), 401);
  const counters = await server.deps.collections.loginFailures.find().toArray();
  t.deepEqual(
    counters.map(({ points }) => Number(points)),
    [4, 4, 4, 4],
  );
  const events = server.logged.filter(({ event }) => event === 'login');
  t.deepEqual(
    events.map(({ target, reason }) => [target, reason]),
    Array.from({ length: 4 }, () => ['ci', 'wrong key']),
  );
});

test.serial('the text of a failed login decides how many compares it takes, not the database', async (t) => {
  const { server, compares } = await startCounting(t);
  await addClient(server, { client_id: 'ci+1' }, odd);
  await addClient(server, { client_id: 'keyless+1' });
  const { client_key: key } = await makeClientKey(server.deps, 'ci+1');
  const wrongKey = encodeAll(`${key.slice(0, 17)}${'_'.repeat(43)}`);
  for (const id of ['ci%2B1', 'ci+1', 'keyless%2B1', 'nobody%2B1', 'nobody+1', '%6e']) {
    compares.length = 0;
    t.is(await clientOf(server, `${id}:wrong`), 401);
    t.is(compares.length, 2, id);
    compares.length = 0;
    t.is(await clientOf(server, `${id}:${wrongKey}`), 401);
    t.is(compares.length, 1, `${id}, an encoded key made by the server`);
  }
});

test.serial(
  'an encoded key made by the server needs no compare, and an encoded secret none while cached',
  async (t) => {
    const { server, compares } = await startCounting(t);
    await addClient(server, { client_id: 'ci' }, odd);
    const { client_key: key } = await makeClientKey(server.deps, 'ci');
    t.is(await clientOf(server, `ci:${encodeAll(key)}`), 'ci');
    t.deepEqual(compares, []);
    t.is(await clientOf(server, `ci:${encodeAll(odd)}`), 'ci');
    t.deepEqual(compares, ['record', 'record']);
    t.is(await clientOf(server, `ci:${encodeAll(odd)}`), 'ci');
    t.is(compares.length, 2);
  },
);
