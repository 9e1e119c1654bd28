import test from 'ava';
import { maxFailuresPerPair } from '../../server/auth/login-attempts.js';
import { addClient } from '../support/clients.js';
import { askToken, type LoginAnswer, loginFailed, makeHash, readAnswer } from '../support/logins.js';
import { startServer, type TestServer } from '../support/start-server.js';

const secret = 'a client secret of good length';
const form = { grant_type: 'client_credentials', client_id: 'ci', client_secret: secret };

const refused = (status: number, error: string): LoginAnswer => ({
  ...loginFailed,
  status,
  type: 'application/json',
  body: JSON.stringify({ error }),
});

async function sendForm(server: TestServer, body: string): Promise<LoginAnswer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return readAnswer(await server.request('/v1/oauth2/token', { method: 'POST', headers, body }));
}

test.serial('a repeated parameter is invalid_request, whatever its values are', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const good = new URLSearchParams(form).toString();
  t.is((await sendForm(server, good)).status, 200);
  for (const repeated of [
    'client_id=ci',
    'client_secret=x',
    'grant_type=client_credentials',
    'scope=a&scope=a',
  ])
    t.deepEqual(await sendForm(server, `${good}&${repeated}`), refused(400, 'invalid_request'), repeated);
  t.is((await sendForm(server, `${good}&unknown=1&unknown=2`)).status, 200, 'unknown parameters are ignored');
});

test.serial('a form that cannot be read is invalid_request', async (t) => {
  const server = await startServer(t, { settings: { MAX_BODY_VALUES: '2000' } });
  const good = new URLSearchParams(form).toString();
  const send = async (body: string | Uint8Array) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return readAnswer(
      await server.request('/v1/oauth2/token', { method: 'POST', headers, body: body as string }),
    );
  };
  t.deepEqual(
    await send(`${good}&x=${'y'.repeat(1024 * 1024)}`),
    refused(400, 'invalid_request'),
    'too long',
  );
  t.deepEqual(
    await send(`${good}${'&x=1'.repeat(2000)}`),
    refused(400, 'invalid_request'),
    'too many fields',
  );
  const notUtf8 = new Uint8Array([...Buffer.from(`${good}&x=`), 0xff]);
  t.deepEqual(await send(notUtf8), refused(400, 'invalid_request'), 'not UTF-8');
});

test.serial(
  'a blocked login by form gets 429 in the form of OAuth, and one without a form the v1 body',
  async (t) => {
    const server = await startServer(t);
    await addClient(server, { client_id: 'ci' }, secret);
    await server.deps.loginAttempts.countFailure({ clientId: 'ci', source: '127.0.0.1' });
    const change = { $inc: { points: maxFailuresPerPair } };
    await server.deps.collections.loginFailures.updateMany({ key: /^pair/ }, change);
    const { retryAfter, ...answer } = await askToken(server, undefined, form);
    t.deepEqual({ ...answer, retryAfter: null }, refused(429, 'slow_down'));
    t.true(Number(retryAfter) > 0);
    t.is((await askToken(server, `ci:${secret}`)).body, '{"message":"Too many attempts","detail":{}}');
  },
);

test.serial('a login by form gets 503 in the form of OAuth while the bcrypt queue is full', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const slow = await makeHash(secret, 4).then((hash) => hash.replace('$04$', '$11$'));
  const filling = Promise.allSettled(
    Array.from({ length: 300 }, () => server.deps.bcryptPool.compare('guess', slow)),
  );
  t.deepEqual(await askToken(server, undefined, form), {
    ...refused(503, 'temporarily_unavailable'),
    retryAfter: '1',
  });
  await server.stop();
  await filling;
});

test.serial('each refused login by form is in the security log once', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  await askToken(server, undefined, { grant_type: 'client_credentials' });
  await askToken(server, undefined, { ...form, client_secret: 'wrong' });
  const events = server.logged.filter((line) => line.log === 'security');
  t.deepEqual(
    events.map(({ event, outcome, reason }) => [event, outcome, reason]),
    [
      ['login', 'refused', 'basic_missing'],
      ['login', 'refused', 'wrong key'],
    ],
  );
});
