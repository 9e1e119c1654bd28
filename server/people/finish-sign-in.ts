import * as oidc from 'openid-client';
import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { SealedTokens } from '../sessions/collections.js';
import type { SessionServices } from '../sessions/services.js';
import { type AttemptSecrets, digestState } from './begin-sign-in.js';
import type { LoginAttempt } from './collections.js';
import { explainFailure } from './explain-failure.js';
import { type PersonClaims, readPersonClaims } from './person-claims.js';
import type { PeopleServices } from './services.js';

/** The query with which the provider leads a browser back. */
export interface CallbackQuery {
  state?: string | undefined;
  code?: string | undefined;
  error?: string | undefined;
  iss?: string | undefined;
}

/** What the provider has proved about the person. */
export interface ProvenPerson {
  claims: PersonClaims;
  next: string;
  /** Seals the provider's tokens for a session. */
  sealTokens(sessionId: string): SealedTokens;
}

/** Why a sign-in failed; only the security log has the reason. */
export class SignInFailure extends Error {
  override readonly name = 'SignInFailure';
}

type Needs = Core &
  Pick<PeopleServices, 'collections' | 'config' | 'provider'> &
  Pick<SessionServices, 'webSealer'>;

/**
 * Ends a sign-in that the provider has answered: takes it out by its `state`, exchanges the code, and checks the ID token (OpenID
 * Connect Core section 3.1.3.7).
 * @param browserSecret the secret in the browser's cookie
 * @throws SignInFailure for any answer that does not prove who the person is
 */
export async function finishSignIn(
  deps: Needs,
  query: CallbackQuery,
  browserSecret: string | undefined,
): Promise<ProvenPerson> {
  const { state = '', code } = query;
  const attempt = await takeAttempt(deps, state, browserSecret);
  if (query.error !== undefined) throw new SignInFailure(explainFailure({ error: query.error }));
  if (code === undefined) throw new SignInFailure('no code');
  const secrets = deps.webSealer.open(attempt.sealed, state);
  if (secrets === undefined) throw new SignInFailure('the sign-in was begun with another WEB_SECRET_KEY');
  try {
    return await exchange(deps, { query, state, attempt, secrets: JSON.parse(secrets) as AttemptSecrets });
  } catch (error) {
    if (error instanceof SignInFailure) throw error;
    if (error instanceof ApiError) throw new SignInFailure(error.reason ?? error.code);
    deps.log.debug({ err: error }, 'a sign-in failed');
    throw new SignInFailure(explainFailure(error));
  }
}

/** Takes a sign-in out of the database, so that it works once, on any process. @throws SignInFailure */
async function takeAttempt(
  { clock, collections, provider }: Needs,
  state: string,
  browserSecret: string | undefined,
): Promise<LoginAttempt> {
  const attempt = await collections.loginAttempts.findOneAndDelete({ _id: digestState(state) });
  if (attempt === null) throw new SignInFailure('unknown or used state');
  if (attempt.expires_at <= clock.now()) throw new SignInFailure('expired state');
  if (!provider.isIssuer(attempt.iss)) throw new SignInFailure('begun at another provider');
  if (browserSecret === undefined) throw new SignInFailure('the browser sent no sign-in cookie');
  if (attempt.browser !== sha256(browserSecret, 'base64url')) throw new SignInFailure('another browser');
  return attempt;
}

interface Exchange {
  query: CallbackQuery;
  state: string;
  attempt: LoginAttempt;
  secrets: AttemptSecrets;
}

async function exchange(
  deps: Needs,
  { query, state, attempt, secrets: { nonce, codeVerifier } }: Exchange,
): Promise<ProvenPerson> {
  const configuration = await deps.provider.getConfiguration();
  const url = new URL(attempt.redirect_uri);
  const { code, iss } = query;
  for (const [name, value] of Object.entries({ code, state, iss })) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const tokens = await oidc.authorizationCodeGrant(configuration, url, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: codeVerifier,
    idTokenExpected: true,
  });
  const idToken = tokens.claims() as oidc.IDToken;
  checkIdToken(deps, idToken);
  let claims = readPersonClaims(idToken.iss, idToken);
  const isComplete = claims.name !== undefined && claims.email !== undefined;
  // Userinfo alone may state that the address is not verified.
  if (!isComplete || idToken.email_verified === undefined) {
    const userinfo = await oidc.fetchUserInfo(configuration, tokens.access_token, idToken.sub);
    claims = readPersonClaims(idToken.iss, { ...userinfo, ...idToken });
  }
  const sealTokens = (id: string) => sealProviderTokens(deps, tokens, id);
  return { claims, next: attempt.next, sealTokens };
}

/**
 * Checks what the library does not: that the token is for this server alone, issued to it, and not in the future.
 * @throws SignInFailure
 */
function checkIdToken({ clock, config }: Needs, { aud, azp, iat }: oidc.IDToken): void {
  if (Array.isArray(aud) && aud.length > 1) throw new SignInFailure('ID token: wrong aud');
  if (azp !== undefined && azp !== config.oidcClientId) throw new SignInFailure('ID token: wrong azp');
  if (iat > clock.now().getTime() / 1000 + config.jwtLeeway)
    throw new SignInFailure('ID token: issued in the future: compare the clocks');
}

/** Seals the provider's tokens; only the session's own id opens them. */
export function sealProviderTokens(
  { clock, webSealer }: Core & Pick<SessionServices, 'webSealer'>,
  {
    access_token: access,
    refresh_token: refresh,
    expires_in: seconds,
  }: Pick<oidc.TokenEndpointResponse, 'access_token' | 'refresh_token' | 'expires_in'>,
  sessionId: string,
): SealedTokens {
  return {
    access: webSealer.seal(access, sessionId),
    ...(refresh !== undefined && { refresh: webSealer.seal(refresh, sessionId) }),
    ...(seconds !== undefined && { expires_at: new Date(clock.now().getTime() + seconds * 1000) }),
  };
}
