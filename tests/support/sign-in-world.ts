import type { ExecutionContext } from 'ava';
import { Browser } from './oidc/browser.js';
import { type SignedIn, type SignInOptions, signIn } from './oidc/sign-in.js';
import { type Issuer, type IssuerOptions, startIssuer } from './oidc-issuer.js';
import { startServer, type TestServer, type TestServerOptions } from './start-server.js';

/** A key for web sessions, long enough. */
export const webSecretKey = 'a web secret key for tests, long enough for any';

/** A server whose people sign in at a real provider. */
export interface SignInWorld {
  issuer: Issuer;
  server: TestServer;
  /** Signs in with a new browser, or with the given one; at the first server unless `at` is another one. */
  signIn(
    browser?: Browser,
    options?: SignInOptions & { path?: string; at?: TestServer },
  ): Promise<SignedIn & { browser: Browser }>;
  /** Starts another process on the same database. */
  startAnother(options?: TestServerOptions): Promise<TestServer>;
}

/** Options of a sign-in world. */
export interface SignInWorldOptions extends TestServerOptions {
  issuer?: IssuerOptions;
  /** The client at the provider has no secret. */
  isPublic?: boolean;
}

/** Starts a provider, and a server that uses it. */
export async function startSignInWorld(
  t: ExecutionContext,
  { issuer: issuerOptions = {}, isPublic = false, ...options }: SignInWorldOptions = {},
): Promise<SignInWorld> {
  const issuer = await startIssuer(t, issuerOptions);
  const settings = {
    ...(isPublic ? issuer.publicSettings : issuer.settings),
    WEB_SECRET_KEY: webSecretKey,
    ...options.settings,
  };
  const start = async (own: TestServerOptions): Promise<TestServer> => {
    const server = await startServer(t, { ...options, ...own, settings: { ...settings, ...own.settings } });
    const redirectPath = server.deps.config.basePath + server.deps.config.oidcRedirectPath;
    issuer.addRedirectUri(server.url + redirectPath);
    return server;
  };
  const server = await start({});
  return {
    issuer,
    server,
    async signIn(browser = new Browser(), { path = '/auth/login', at = server, ...visit } = {}) {
      const arrival = await signIn(browser, at.url + at.deps.config.basePath + path, visit);
      return { ...arrival, browser };
    },
    startAnother: (own = {}) => start({ database: server.deps.connection.db.databaseName, ...own }),
  };
}

/** Returns the cookies of a browser that signed in, as request headers. */
export function cookieOf(browser: Browser, url: string): { cookie: string } {
  return { cookie: browser.cookies.header(new URL(url), { crossSite: false, method: 'GET' }) ?? '' };
}

/** Returns the security events of the log that refuse something, without their times. */
export function listRefusals(server: TestServer): Record<string, unknown>[] {
  return server.logged.filter(({ log, outcome }) => log === 'security' && outcome === 'refused');
}
