import test from 'ava';
import { routes } from '../../server/areas.js';
import { nameOfRoute } from '../../server/http/route.js';
import { agentHeaders, submit } from '../support/jobs.js';
import { startServer } from '../support/start-server.js';

test('every route whose response holds a token, a key or secrets forbids caches to store it', (t) => {
  t.deepEqual(
    routes
      .filter(({ noStore }) => noStore)
      .map(nameOfRoute)
      .sort(),
    [
      'GET /auth/api/{path}',
      'GET /auth/userinfo',
      'GET /v1/authenticate/token/{client_id}',
      'GET /v1/job',
      'GET /v1/session',
      'GET /v1/sessions',
      'POST /oidc/auth-init',
      'POST /oidc/auth-poll/{request_id}',
      'POST /v1/client-permissions/{client_id}/agent-token',
      'POST /v1/client-permissions/{client_id}/keys',
      'POST /v1/oauth2/refresh',
      'POST /v1/oauth2/token',
      'PUT /v1/client-permissions/{client_id}',
    ],
  );
});

test('a claimed job, which holds secrets, is not stored by caches, nor is the answer that there is none', async (t) => {
  const server = await startServer(t);
  await submit(server);
  const headers = agentHeaders(server);
  for (const status of [200, 204]) {
    const response = await server.request('/v1/job?queue=q1', { headers });
    t.is(response.status, status);
    t.is(response.headers.get('cache-control'), 'no-store');
  }
});
