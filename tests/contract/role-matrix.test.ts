import test from 'ava';
import { routes } from '../../server/areas.js';
import { bearer } from '../support/clients.js';
import { startServer } from '../support/start-server.js';

const agent = ['agent'];
const agents = ['agent', 'manager', 'admin'];
const everyRole = ['agent', 'contributor', 'manager', 'admin'];
const submitters = ['contributor', 'manager', 'admin'];
const managers = ['manager', 'admin'];
const admin = ['admin'];

/** The roles of each route: copied from the v1 contract, section 1, Roles, then our own routes. Never generated from the route list. */
const allowed: Record<string, readonly string[] | 'public'> = {
  'GET /v1/job': agent,
  'GET /v1/job/{job_id}/attachments': agent,
  'POST /v1/job/{job_id}/events': agent,
  'POST /v1/result/{job_id}': agent,
  'POST /v1/result/{job_id}/artifact': agent,
  'POST /v1/result/{job_id}/log/{log_type}': agent,
  'POST /v1/agents/provision_logs/{agent_name}': agent,

  'POST /v1/agents/data/{agent_name}': agents,
  'POST /v1/agents/queues': agents,
  'POST /v1/agents/images': agents,

  'GET /v1/agents/data/{agent_name}': everyRole,
  'GET /v1/result/{job_id}': everyRole,

  'GET /v1/agents/data': submitters,
  'GET /v1/agents/queues': submitters,
  'GET /v1/agents/images/{queue}': submitters,
  'POST /v1/job': submitters,
  'GET /v1/job/{job_id}': submitters,
  'GET /v1/job/{job_id}/position': submitters,
  'GET /v1/job/search': submitters,
  'POST /v1/job/{job_id}/attachments': submitters,
  'POST /v1/job/{job_id}/action': submitters,
  'GET /v1/result/{job_id}/artifact': submitters,
  'GET /v1/result/{job_id}/log/{log_type}': submitters,
  'GET /v1/queues/wait_times': submitters,
  'GET /v1/queues/{queue_name}/agents': submitters,
  'GET /v1/queues/{queue_name}/jobs': submitters,
  'GET /v1/restricted-queues': submitters,
  'GET /v1/restricted-queues/{queue_name}': submitters,
  'PUT /v1/secrets/{client_id}/{path}': submitters,
  'DELETE /v1/secrets/{client_id}/{path}': submitters,

  'GET /v1/client-permissions': managers,
  'GET /v1/client-permissions/{client_id}': managers,
  'PUT /v1/client-permissions/{client_id}': managers,
  'POST /v1/restricted-queues/{queue_name}': managers,
  'DELETE /v1/restricted-queues/{queue_name}': managers,

  'DELETE /v1/client-permissions/{client_id}': admin,
  'POST /v1/oauth2/revoke': admin,
  'GET /v1/audit': admin,

  'GET /v1/authenticate/token/{client_id}': 'public',
  'POST /v1/oauth2/token': 'public',
  'POST /v1/oauth2/refresh': 'public',
  'GET /v1': 'public',

  'POST /v1/client-permissions/{client_id}/keys': managers,
  'GET /v1/client-permissions/{client_id}/keys': managers,
  'DELETE /v1/client-permissions/{client_id}/keys/{key_id}': managers,
  'POST /v1/client-permissions/{client_id}/agent-token': managers,
  'GET /v1/client-permissions/{client_id}/refresh-tokens': managers,
  'DELETE /v1/client-permissions/{client_id}/refresh-tokens/{token_id}': managers,
  'GET /livez': 'public',
  'GET /readyz': 'public',
  'GET /openapi.json': 'public',
  'GET /docs': 'public',
  'GET /agents': submitters,
  'GET /jobs': submitters,
  'GET /queues': submitters,
  'GET /v1/sessions': submitters,
  'DELETE /v1/sessions': submitters,
  'DELETE /v1/sessions/{handle}': submitters,
  'GET /v1/session': 'public',
  'GET /': 'public',
  'GET /static/page.css': 'public',
  'GET /static/once.js': 'public',
  'GET /auth/login': 'public',
  'GET /login': 'public',
  'GET /auth/callback': 'public',
  'GET /auth': 'public',
  'GET /auth/local': 'public',
  'POST /auth/local': 'public',
  'GET /auth/once': 'public',
  'POST /auth/once': 'public',
  'GET /auth/logout': 'public',
  'POST /auth/logout': 'public',
  'GET /auth/userinfo': 'public',
  'GET /auth/api/{path}': 'public',
  'POST /oidc/auth-init': 'public',
  'POST /oidc/auth-poll/{request_id}': 'public',
  'GET /docs/start.js': 'public',
  'GET /docs/swagger-ui.css': 'public',
  'GET /docs/swagger-ui-bundle.js': 'public',
};

/** Forms before sign-in: anybody may send them, from their own page. */
const forms = ['POST /auth/local', 'POST /auth/once'];

/** The roles in the order in which a 403 names them. The secrets routes have their own order. */
function namedRoles(path: string, roles: readonly string[]): string {
  const order = path.startsWith('/v1/secrets/')
    ? ['contributor', 'manager', 'admin']
    : ['admin', 'manager', 'contributor', 'agent'];
  return order.filter((role) => roles.includes(role)).join(', ');
}

test('every route of the server is in the table of roles', (t) => {
  const listed = routes.map(({ method, path }) => `${method} ${path}`);
  t.deepEqual(
    listed.filter((route) => !(route in allowed)),
    [],
  );
  t.is(new Set(listed).size, listed.length);
});

test('each route accepts the roles that the contract names, and refuses all others before it checks anything else', async (t) => {
  const server = await startServer(t);
  const tokens: [who: string, role: string, headers: Record<string, string>][] = [
    ...everyRole.map(
      (role) => [role, role, bearer(server, { role })] as [string, string, Record<string, string>],
    ),
    ['anonymous', 'contributor', {}],
    ['a token without a role', 'contributor', bearer(server)],
    ['no such role', 'root', bearer(server, { role: 'root' })],
    ['an empty role', '', bearer(server, { role: '' })],
    ['another case', 'Admin', bearer(server, { role: 'Admin' })],
    ['another scheme', 'none', { authorization: 'Basic eDp5' }],
  ];
  for (const { method, path, family } of routes) {
    const roles = allowed[`${method} ${path}`];
    if (roles === undefined) continue;
    for (const [who, role, headers] of tokens) {
      // Body and id are invalid: a refusal comes before they are checked, and an accepted request changes nothing.
      const url = path.replaceAll(/\{\w+\}/g, 'no-such-thing');
      const body =
        method === 'GET' ? {} : { body: '{', headers: { ...headers, 'content-type': 'application/json' } };
      const response = await server.request(url, { method, headers, ...body });
      const text = await response.text();
      const message = `Specified action requires role: ${namedRoles(path, roles === 'public' ? [] : roles)}`;
      const place = `${method} ${path} by ${who}: ${response.status} ${text}`;
      if (forms.includes(`${method} ${path}`)) {
        t.is(response.status, 403, place);
        t.true(text.includes('Cross-site request refused'), place);
      } else if (roles === 'public' || roles.includes(role)) {
        t.not(response.status, 403, place);
        t.false(text.includes('requires role'), place);
        t.true(response.status < 500, place);
      } else {
        t.is(response.status, 403, place);
        if (family === 'html') {
          t.true(text.includes(message), place);
          continue;
        }
        const error = JSON.parse(text) as { message: string; detail: object };
        t.deepEqual([error.message, error.detail], [message, {}], place);
      }
    }
  }
});

test('a bad token is refused by every route except the public ones, which do not check it', async (t) => {
  const server = await startServer(t);
  for (const { method, path } of routes) {
    const url = path.replaceAll(/\{\w+\}/g, 'no-such-thing');
    const bad = { authorization: `${bearer(server, { role: 'admin' }).authorization}x` };
    const response = await server.request(url, { method, headers: bad });
    const text = await response.text();
    if (forms.includes(`${method} ${path}`)) continue;
    if (allowed[`${method} ${path}`] === 'public') t.not(response.status, 403, `${method} ${path}`);
    else
      t.deepEqual(
        [response.status, text.includes('Invalid Token signature')],
        [403, true],
        `${method} ${path}`,
      );
  }
});

test('if anonymous callers are refused, every route except the public ones requires a token', async (t) => {
  const oidc = { OIDC_CLIENT_ID: 'x', OIDC_PROVIDER_ISSUER: 'https://issuer', WEB_SECRET_KEY: 'y' };
  for (const settings of [{ ANONYMOUS_ACCESS: 'deny' }, oidc]) {
    const server = await startServer(t, { settings });
    for (const { method, path } of routes) {
      const url = path.replaceAll(/\{\w+\}/g, 'no-such-thing');
      const response = await server.request(url, { method });
      const text = await response.text();
      const asked =
        text.includes('Authentication is required for specified endpoint') ||
        text.includes('You need to sign in to access this page.');
      const isPublic = allowed[`${method} ${path}`] === 'public';
      t.is(asked && response.status === 401, !isPublic, `${method} ${path}: ${response.status} ${text}`);
    }
  }
});
