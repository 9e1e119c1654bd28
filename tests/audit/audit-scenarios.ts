import { makeOneTimeLink } from '../../server/sessions/one-time-link.js';
import { askToken, logIn } from '../support/logins.js';
import { Browser } from '../support/oidc/browser.js';
import { approveDevice } from '../support/oidc/device-pages.js';
import type { SignInWorld } from '../support/sign-in-world.js';
import type { TestServer } from '../support/start-server.js';

/** What a scenario acts with. The ids are its own, so that all scenarios can share a server. */
export interface Acting {
  world: SignInWorld;
  server: TestServer;
  /** A client with the key `secret`. */
  ci: string;
  /** The admin who sends the requests. */
  boss: string;
  /** A client with the role agent. */
  rack: string;
  /** Sends a request as an admin. */
  send(method: string, path: string, body?: object): Promise<Response>;
}

/** The key of the client `ci`. */
export const secret = 'a client secret of good length';

async function refreshTokenOf({ server, ci }: Acting): Promise<string> {
  return (JSON.parse((await askToken(server, `${ci}:${secret}`)).body) as { refresh_token: string })
    .refresh_token;
}

/** Reads a response's JSON. */
const json = async (response: Promise<Response>) => (await (await response).json()) as Record<string, string>;

/** A successful request to each route that states events, and the names under which these are stored. */
export const scenarios: Record<string, { names: string[]; run(acting: Acting): Promise<unknown> }> = {
  'GET /v1/authenticate/token/{client_id}': {
    names: ['authn_login_success'],
    run: ({ server, ci }) => logIn(server, ci, secret),
  },
  'POST /v1/oauth2/token': {
    names: ['authn_login_success'],
    run: ({ server, ci }) => askToken(server, `${ci}:${secret}`),
  },
  'POST /v1/oauth2/refresh': {
    names: ['authn_login_success', 'authn_token_created'],
    run: async (acting) =>
      acting.send('POST', '/v1/oauth2/refresh', { refresh_token: await refreshTokenOf(acting) }),
  },
  'POST /v1/oauth2/revoke': {
    names: ['authn_login_success', 'authn_token_revoked'],
    run: async (acting) =>
      acting.send('POST', '/v1/oauth2/revoke', { refresh_token: await refreshTokenOf(acting) }),
  },
  'PUT /v1/client-permissions/{client_id}': {
    names: ['user_created', 'user_updated'],
    run: ({ send, ci }) =>
      send('PUT', `/v1/client-permissions/new-${ci}?generate_key=true`, {
        role: 'contributor',
        max_priority: { q: 5 },
      }),
  },
  'DELETE /v1/client-permissions/{client_id}': {
    names: ['user_deleted'],
    run: ({ send, ci }) => send('DELETE', `/v1/client-permissions/${ci}`),
  },
  'POST /v1/client-permissions/{client_id}/keys': {
    names: ['user_updated'],
    run: ({ send, ci }) => send('POST', `/v1/client-permissions/${ci}/keys`, {}),
  },
  'DELETE /v1/client-permissions/{client_id}/keys/{key_id}': {
    names: ['user_updated', 'user_updated'],
    async run({ send, ci }) {
      const { key_id: id } = await json(send('POST', `/v1/client-permissions/${ci}/keys`, {}));
      await send('DELETE', `/v1/client-permissions/${ci}/keys/${id}`);
    },
  },
  'POST /v1/client-permissions/{client_id}/agent-token': {
    names: ['authn_token_created'],
    run: ({ send, rack }) => send('POST', `/v1/client-permissions/${rack}/agent-token`, {}),
  },
  'DELETE /v1/client-permissions/{client_id}/refresh-tokens/{token_id}': {
    names: ['authn_login_success', 'authn_token_revoked'],
    async run(acting) {
      const { send, ci } = acting;
      await refreshTokenOf(acting);
      const list = await send('GET', `/v1/client-permissions/${ci}/refresh-tokens`);
      const [token] = (await list.json()) as { token_id: string }[];
      await send('DELETE', `/v1/client-permissions/${ci}/refresh-tokens/${token?.token_id}`);
    },
  },
  'POST /v1/restricted-queues/{queue_name}': {
    names: ['authz_change'],
    run: ({ send, ci }) => send('POST', '/v1/restricted-queues/q1', { client_id: ci }),
  },
  'DELETE /v1/restricted-queues/{queue_name}': {
    names: ['authz_change', 'authz_change'],
    async run({ send, ci }) {
      await send('POST', '/v1/restricted-queues/q1', { client_id: ci });
      await send('DELETE', '/v1/restricted-queues/q1', { client_id: ci });
    },
  },
  'PUT /v1/secrets/{client_id}/{path}': {
    names: ['sensitive_update'],
    run: ({ send, boss }) => send('PUT', `/v1/secrets/${boss}/a/b`, { value: 'not for anybody' }),
  },
  'DELETE /v1/secrets/{client_id}/{path}': {
    names: ['sensitive_update', 'sensitive_delete'],
    async run({ send, boss }) {
      await send('PUT', `/v1/secrets/${boss}/a/b`, { value: 'not for anybody' });
      await send('DELETE', `/v1/secrets/${boss}/a/b`);
    },
  },
  'POST /v1/job/{job_id}/action': {
    names: ['job_cancelled'],
    async run({ send }) {
      const { job_id: id } = await json(send('POST', '/v1/job', { job_queue: 'q2' }));
      await send('POST', `/v1/job/${id}/action`, { action: 'cancel' });
    },
  },
  'POST /v1/agents/data/{agent_name}': {
    names: ['agent_changed'],
    run: ({ send }) => send('POST', '/v1/agents/data/a1', { state: 'offline', comment: 'in repair' }),
  },
  'GET /auth/callback': {
    names: ['user_created', 'authn_login_success'],
    run: ({ world }) => world.signIn(),
  },
  'GET /auth': {
    names: ['user_created', 'authn_login_success'],
    async run({ world, server }) {
      const { browser, callbackUrl } = await world.signIn(undefined, { stopBeforeCallback: true });
      await browser.visit(`${server.url}/auth${new URL(callbackUrl).search}`);
    },
  },
  'POST /oidc/auth-poll/{request_id}': {
    names: ['user_created', 'authn_login_success'],
    async run({ world, server }) {
      const begun = await json(server.request('/oidc/auth-init', { method: 'POST' }));
      await approveDevice(world.issuer.url, begun.user_code as string);
      await server.request(`/oidc/auth-poll/${begun.request_id}`, { method: 'POST' });
    },
  },
  'POST /auth/local': { names: ['authn_login_success'], run: signInLocally },
  'POST /auth/once': {
    names: ['authn_login_success'],
    async run({ server }) {
      const { collections } = server.deps;
      const token = await makeOneTimeLink(collections, new Date());
      const browser = new Browser();
      const { final } = await browser.visit(`${server.url}/auth/once`);
      await browser.submit(final, { token });
    },
  },
  'GET /auth/logout': {
    names: ['authn_login_success', 'session_expired'],
    async run(acting) {
      const { browser } = await signInLocally(acting);
      await browser.visit(`${acting.server.url}/auth/logout`);
    },
  },
  'POST /auth/logout': {
    names: ['authn_login_success', 'session_expired'],
    async run(acting) {
      const { url } = acting.server;
      const { browser } = await signInLocally(acting);
      const { final } = await browser.visit(`${url}/auth/logout`, { from: 'https://elsewhere.example/' });
      await browser.submit(final);
    },
  },
  'DELETE /v1/sessions/{handle}': {
    names: ['authn_login_success', 'session_expired'],
    async run(acting) {
      const { send, ci } = acting;
      await signInLocally(acting);
      const list = await send('GET', `/v1/sessions?client_id=${ci}`);
      const [session] = (await list.json()) as { handle: string }[];
      await send('DELETE', `/v1/sessions/${session?.handle}`);
    },
  },
  'DELETE /v1/sessions': {
    names: ['session_expired'],
    run: ({ send }) => send('DELETE', '/v1/sessions'),
  },
};

async function signInLocally({ server, ci }: Acting): Promise<{ browser: Browser }> {
  const browser = new Browser();
  const { final } = await browser.visit(`${server.url}/auth/local`);
  await browser.submit(final, { client_id: ci, client_key: secret });
  return { browser };
}
