import { randomBytes } from 'node:crypto';
import * as oidc from 'openid-client';
import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import { signInSeconds } from '../sessions/login-browser.js';
import type { SessionServices } from '../sessions/services.js';
import type { PeopleServices } from './services.js';

/** A browser that wants to sign in. */
export interface SignInRequest {
  /** The secret in the browser's cookie. */
  browserSecret: string;
  /** The page to go to afterwards. */
  next: string;
  redirectUri: string;
}

/** What a sign-in keeps secret until its end. */
export interface AttemptSecrets {
  nonce: string;
  codeVerifier: string;
}

type Needs = Core & Pick<PeopleServices, 'collections' | 'config'> & Pick<SessionServices, 'webSealer'>;

/**
 * Stores the beginning of a sign-in, and returns the provider's URL to go to (OpenID Connect Core section 3.1.2.1, with PKCE, RFC
 * 7636).
 * @param configuration the provider's metadata
 */
export async function beginSignIn(
  { clock, collections, config, webSealer }: Needs,
  configuration: oidc.Configuration,
  { browserSecret, next, redirectUri }: SignInRequest,
): Promise<URL> {
  const [state, nonce, codeVerifier] = [makeRandom(), makeRandom(), makeRandom()];
  const secrets: AttemptSecrets = { nonce, codeVerifier };
  await collections.loginAttempts.insertOne({
    _id: digestState(state),
    sealed: webSealer.seal(JSON.stringify(secrets), state),
    iss: configuration.serverMetadata().issuer,
    next,
    redirect_uri: redirectUri,
    browser: sha256(browserSecret, 'base64url'),
    expires_at: new Date(clock.now().getTime() + signInSeconds * 1000),
  });
  return oidc.buildAuthorizationUrl(configuration, {
    scope: config.oidcScopes,
    redirect_uri: redirectUri,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  });
}

/** Returns the digest under which a sign-in is stored. */
export function digestState(state: string): string {
  return sha256(state, 'base64url');
}

function makeRandom(): string {
  return randomBytes(32).toString('base64url');
}
