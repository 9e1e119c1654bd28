import { makeClientKey } from '../../server/clients/client-keys.js';
import type { ClientRecord } from '../../server/principal/client-record.js';
import { addClient } from './clients.js';
import { type Arrival, Browser } from './oidc/browser.js';
import type { TestServer } from './start-server.js';

/** Where a person signs in, with which client, and where to go then. */
export interface LocalSignIn {
  /** The URL of the server, with its base path. */
  url: string;
  clientId: string;
  key: string;
  next?: string;
}

/** Opens the form for client keys in a browser, and posts it. */
export async function signInLocally(
  browser: Browser,
  { url, clientId, key, next }: LocalSignIn,
): Promise<Arrival> {
  const query = next === undefined ? '' : `?next=${encodeURIComponent(next)}`;
  const { final: page } = await browser.visit(`${url}/auth/local${query}`);
  return browser.submit(page, { client_id: clientId, client_key: key });
}

/** A client with a key made by the server, and a browser in which it is signed in. */
export interface SignedInClient {
  browser: Browser;
  key: string;
  /** Signs the client in with another browser, or again with the given one. */
  signIn(browser?: Browser): Promise<Browser>;
}

/** Adds a client with a key, and signs it in with a new browser. */
export async function addSignedIn(
  server: TestServer,
  record: Partial<ClientRecord> & { client_id: string },
): Promise<SignedInClient> {
  await addClient(server, record);
  const { client_key: key } = await makeClientKey(server.deps, record.client_id);
  const url = server.url + server.deps.config.basePath;
  const signIn = async (browser = new Browser()) => {
    const { hops } = await signInLocally(browser, { url, clientId: record.client_id, key });
    if (hops[0]?.status !== 303) throw new Error(`not signed in: ${hops[0]?.status} ${hops[0]?.text}`);
    return browser;
  };
  return { browser: await signIn(), key, signIn };
}
