import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as client from 'openid-client';
import type { Issuer } from '../oidc-issuer.js';
import type { Owner } from '../server-process.js';

/** Which client of the provider to use. */
export type ClientId = 'lab' | 'lab-public';

/** Options of the client. */
export interface DiscoverOptions {
  clientId?: ClientId;
  /** Whether openid-client checks the signatures of ID tokens, which it does not by itself. The default is true. */
  checksSignatures?: boolean;
}

/** Discovers the provider with openid-client. */
export async function discover(
  issuer: Issuer,
  { clientId = 'lab', checksSignatures = true }: DiscoverOptions = {},
): Promise<client.Configuration> {
  const authentication = clientId === 'lab' ? client.ClientSecretBasic(issuer.clientSecret) : client.None();
  const execute = [client.allowInsecureRequests];
  if (checksSignatures) execute.push(client.enableNonRepudiationChecks);
  return client.discovery(new URL(issuer.url), clientId, undefined, authentication, { execute });
}

/** A small web application that signs people in with openid-client and a cookie, as a server would. */
export interface RelyingParty {
  url: string;
  loginUrl: string;
  /** The tokens of the last successful sign-in. */
  tokens?: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;
  /** The error of the last sign-in that failed. */
  error?: unknown;
}

/** Starts a relying party that stops when the test ends. It answers 200 to a callback that it accepts, else 401. */
export async function startRelyingParty(
  t: Owner,
  issuer: Issuer,
  config: client.Configuration,
): Promise<RelyingParty> {
  const attempts = new Map<string, { nonce: string; verifier: string }>();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(
    () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  );
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const redirectUri = `${url}/auth/callback`;
  issuer.addRedirectUri(redirectUri);
  const party: RelyingParty = { url, loginUrl: `${url}/auth/login` };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = new URL(request.url ?? '/', url);
    if (asked.pathname === '/auth/login') return logIn(response);
    const state = /\bstate=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const attempt = attempts.get(state);
    try {
      party.tokens = await client.authorizationCodeGrant(config, asked, {
        expectedState: state,
        ...(attempt && { expectedNonce: attempt.nonce, pkceCodeVerifier: attempt.verifier }),
      });
      response.writeHead(200, { 'set-cookie': 'state=; Max-Age=0; Path=/auth' }).end('signed in');
    } catch (error) {
      party.error = error;
      response.writeHead(401).end('refused');
    }
  }

  async function logIn(response: ServerResponse): Promise<void> {
    const [state, nonce] = [client.randomState(), client.randomNonce()];
    const verifier = client.randomPKCECodeVerifier();
    attempts.set(state, { nonce, verifier });
    const target = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid profile email read_api',
      state,
      nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    const cookie = `state=${state}; Max-Age=600; HttpOnly; Secure; SameSite=Lax; Path=/auth`;
    response.writeHead(302, { location: target.href, 'set-cookie': cookie }).end();
  }
  return party;
}
