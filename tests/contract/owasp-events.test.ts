import test from 'ava';
import { addClient, bearer, jsonBody } from '../support/clients.js';
import { askToken, logIn } from '../support/logins.js';
import { startServer } from '../support/start-server.js';

const secret = 'a client secret of good length';

test('each line of the security log has the OWASP name of its event, with the ids', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const own = bearer(server, { client_id: 'ci' });
  const send = (method: string, path: string, headers: Record<string, string>, body: object = {}) =>
    server.request(path, { ...jsonBody(body, headers), method });
  const rows: [run: () => Promise<unknown>, ...names: string[]][] = [
    [() => logIn(server, 'ci', secret), 'authn_login_success:ci'],
    [() => logIn(server, 'ci', 'wrong'), 'authn_login_fail:ci'],
    [() => logIn(server, 'nobody', 'wrong'), 'authn_login_fail:unknown'],
    [() => askToken(server), 'authn_login_fail:unknown'],
    [
      () => send('PUT', '/v1/client-permissions/new', { authorization: 'Bearer a.b.c' }),
      'authz_fail:unknown,PUT_/v1/client-permissions/{client_id}',
    ],
    [
      () => send('PUT', '/v1/client-permissions/new', own),
      'authz_fail:ci,PUT_/v1/client-permissions/{client_id}',
    ],
    [() => send('POST', '/v1/job', own, { job_queue: 'q', job_priority: 9 }), 'authz_fail:ci,POST_/v1/job'],
    [
      () => send('PUT', '/v1/client-permissions/new', admin, { client_secret: secret }),
      'user_created:boss,new',
    ],
    [() => send('PUT', '/v1/client-permissions/new', admin, { role: 'agent' }), 'user_updated:boss,new'],
    [() => send('POST', '/v1/client-permissions/new/keys', admin), 'user_updated:boss,new'],
    [() => send('POST', '/v1/client-permissions/new/agent-token', admin), 'authn_token_created:new'],
    [() => send('DELETE', '/v1/client-permissions/new', admin), 'user_deleted:boss,new'],
  ];
  for (const [run, ...names] of rows) {
    const before = server.logged.length;
    await run();
    const lines = server.logged.slice(before).filter((line) => line.log === 'security');
    const found = lines.map(({ owasp }) => String(owasp));
    t.deepEqual(
      found.map((name, i) => name.slice(0, names[i]?.length)),
      names,
    );
  }
});

test('each use of a refresh token has an OWASP name', async (t) => {
  const server = await startServer(t);
  await addClient(server, { client_id: 'ci' }, secret);
  const admin = bearer(server, { client_id: 'boss', role: 'admin' });
  const body = JSON.parse((await askToken(server, `ci:${secret}`)).body) as { refresh_token: string };
  const token = { refresh_token: body.refresh_token };
  await server.request('/v1/oauth2/refresh', jsonBody(token));
  await server.request('/v1/oauth2/revoke', jsonBody(token, admin));
  await server.request('/v1/oauth2/refresh', jsonBody(token));
  const names = server.logged.filter((line) => line.log === 'security').map(({ owasp }) => owasp);
  t.deepEqual(names, [
    'authn_login_success:ci',
    'authn_token_created:ci',
    'authn_token_revoked:ci',
    'authn_login_fail:unknown',
  ]);
});
