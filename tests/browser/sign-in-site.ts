import type { Browser } from 'playwright-core';
import { BcryptPool } from '../../server/auth/bcrypt-pool.js';
import { makeOneTimeLink } from '../../server/sessions/one-time-link.js';
import { findFreePort } from '../deploy/nginx.js';
import type { World } from '../deploy/world.js';
import type { Issuer } from '../support/oidc-issuer.js';
import { startIssuer } from '../support/oidc-issuer.js';
import { withClient } from '../support/own-mongod.js';
import { startServerProcess } from '../support/server-process.js';
import { webSecretKey } from '../support/sign-in-world.js';
import { startPrefixProxy } from './prefix-proxy.js';

/** The client that signs in with the form. */
export const localClient = { id: 'lab-person', key: 'a key that a person types' };

/** A server whose people sign in at a real provider, or with a client key. */
export interface SignInSite {
  /** The server's URL, with the base path or the prefix of a proxy. */
  url: string;
  browser: Browser;
  issuer: Issuer;
  /** Makes a link that signs in once, and returns its token. */
  makeLink(): Promise<string>;
  /** Returns what the server wrote to its log and its terminal. */
  readLog(): string;
}

/** Starts the provider and three servers. */
export async function startSignInSites(
  world: World,
  browser: Browser,
): Promise<[where: string, site: SignInSite][]> {
  const issuer = await startIssuer(world);
  const database = 'browser-sign-in';
  const settings = {
    ...world.settingsFor(database),
    ...issuer.settings,
    WEB_SECRET_KEY: webSecretKey,
    LOCAL_SIGN_IN: 'on',
  };
  const start = async (own: Record<string, string>, publicUrl?: string): Promise<SignInSite> => {
    const server = await startServerProcess(world, { settings: { ...settings, ...own } });
    const url = publicUrl ?? server.url;
    issuer.addRedirectUri(`${url}/auth/callback`);
    const makeLink = () =>
      withClient(world.mongodbUri, (client) =>
        makeOneTimeLink({ oneTimeLinks: client.db(database).collection('one_time_links') }, new Date()),
      );
    return { url, browser, issuer, makeLink, readLog: () => server.stdout() + server.stderr() };
  };
  const direct = await start({});
  const prefixed = await start({ BASE_PATH: '/queuepass' });
  // The server needs the proxy's URL, so its own port is chosen after the proxy has one.
  const proxy = await startPrefixProxy(world, () => `http://127.0.0.1:${port}`, '/lab');
  const port = await findFreePort();
  const proxied = await start({ PORT: String(port), PUBLIC_URL: proxy }, proxy);
  await addClients(world, database);
  return [
    ['at the root', direct],
    ['under BASE_PATH', prefixed],
    ['behind a proxy that removes a prefix', proxied],
  ];
}

async function addClients(world: World, database: string): Promise<void> {
  const pool = new BcryptPool(4);
  const client_secret_hash = await pool.hash(localClient.key);
  await pool.close();
  const rights = { max_priority: {}, max_reservation_time: {}, allowed_queues: [] };
  await withClient(world.mongodbUri, (client) =>
    client
      .db(database)
      .collection('client_permissions')
      .insertMany([
        { client_id: localClient.id, client_secret_hash, role: 'contributor', ...rights },
        { client_id: 'testflinger-admin', client_secret_hash, role: 'admin', ...rights },
      ]),
  );
}
