import { makeCsrfToken } from '../../server/http/csrf-token.js';
import { makeSession } from '../../server/sessions/make-session.js';
import { Browser } from './oidc/browser.js';
import type { TestServer } from './start-server.js';

/** A session as its browser sends it. */
export interface OpenSession {
  cookie: string;
  handle: string;
  csrfToken: string;
}

/** Opens a session of a client's record, as a sign-in does. */
export async function openSession({ deps }: TestServer, clientId: string): Promise<OpenSession> {
  const record = await deps.collections.clients.findOne({ client_id: clientId });
  if (record === null) throw new Error(`there is no client ${clientId}`);
  const request = {
    principal: { source: '127.0.0.1' },
    header: () => undefined,
    cookie: () => undefined,
  };
  const { cookie: line, handle } = await makeSession(deps, { record, method: 'local' }, request);
  const [cookie = ''] = line.split(';');
  return { cookie, handle, csrfToken: makeCsrfToken(cookie.slice(cookie.indexOf('=') + 1)) };
}

/** Signs in with a client key, by the form. @returns the last response, and the session's cookie */
export async function signInLocally(
  server: TestServer,
  clientId: string,
  clientKey: string,
  { next = '', browser = new Browser() }: { next?: string; browser?: Browser } = {},
) {
  const path = `/auth/local?next=${encodeURIComponent(next)}`;
  const { final: page } = await browser.visit(server.url + server.deps.config.basePath + path);
  const { hops } = await browser.submit(page, { client_id: clientId, client_key: clientKey });
  const cookie = browser.cookies.header(new URL(server.url), { crossSite: false, method: 'GET' }) ?? '';
  return { browser, cookie, posted: hops[0] };
}

/** Returns the status of a request with a cookie. */
export async function statusOf(server: TestServer, cookie: string, path = '/v1/session'): Promise<number> {
  return (await server.request(path, { headers: { cookie } })).status;
}
