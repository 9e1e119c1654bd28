import { setTimeout as wait } from 'node:timers/promises';
import * as oidc from 'openid-client';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import type { SealedTokens } from '../sessions/collections.js';
import { sessionErrors } from '../sessions/errors.js';
import { digestSessionId } from '../sessions/find-live-session.js';
import type { SessionServices } from '../sessions/services.js';
import { peopleErrors } from './errors.js';
import { sealProviderTokens } from './finish-sign-in.js';
import { providerTimeoutMs } from './provider.js';
import type { PeopleServices } from './services.js';

/** Milliseconds before its end at which a token is refreshed. */
const marginMs = 30_000;

/**
 * Milliseconds that one process has to refresh the tokens of a session; others wait for it meanwhile. Longer than the provider may take
 * for its metadata and the tokens together: a refresh token that is sent twice ends the sign-in at some providers.
 */
const refreshingMs = 2 * providerTimeoutMs + 2000;
const waitMs = 100;

type Needs = Core &
  Pick<PeopleServices, 'provider'> &
  Pick<SessionServices, 'collections' | 'webSealer' | 'findSession'>;

/**
 * Returns a valid access token of the provider for a session. One process at a time refreshes it, since a provider such as GitLab
 * takes each refresh token only once.
 * @param sessionId the secret in the cookie
 * @param refused an access token that the provider does not accept any more
 * @returns `undefined` for a session without a provider
 * @throws ApiError 401 `Sign in again` if the provider refuses, 502 if it cannot be reached
 */
export async function getProviderToken(
  deps: Needs,
  sessionId: string,
  refused?: string,
): Promise<string | undefined> {
  const { clock, collections } = deps;
  const _id = digestSessionId(sessionId);
  const started = clock.now().getTime();
  let session = await deps.findSession(_id);
  for (;;) {
    if (session === undefined || session.method !== 'oidc') return undefined;
    const { tokens } = session;
    // Another provider must never get these tokens.
    if (tokens === undefined || !deps.provider.isIssuer(session.iss))
      throw new ApiError(sessionErrors.signInAgain);
    const token = deps.webSealer.open(tokens.access, sessionId);
    // While `WEB_SECRET_KEY` is rotated, processes with the other key can still use these tokens: they stay.
    if (token === undefined) throw new ApiError(sessionErrors.signInAgain);
    const now = clock.now();
    if (token !== refused && isFresh(tokens, now)) return token;
    const isFree = {
      $or: [{ 'tokens.refreshing_until': { $exists: false } }, { 'tokens.refreshing_until': { $lte: now } }],
    };
    const until = new Date(now.getTime() + refreshingMs);
    const taken = await collections.sessions.findOneAndUpdate(
      // Only the tokens that were read: another process may have refreshed them in between.
      { _id, 'tokens.access': tokens.access, ...isFree },
      { $set: { 'tokens.refreshing_until': until } },
    );
    if (taken !== null) return refresh(deps, _id, tokens, sessionId);
    if (now.getTime() - started > refreshingMs) throw new ApiError(peopleErrors.providerUnreachable);
    await wait(waitMs);
    session = await deps.findSession(_id);
  }
}

/** Returns whether the access token is still valid for a while. */
function isFresh({ expires_at: expiresAt }: SealedTokens, now: Date): boolean {
  return expiresAt === undefined || expiresAt.getTime() - now.getTime() >= marginMs;
}

async function refresh(
  deps: Needs,
  _id: string,
  { access, refresh: sealed }: SealedTokens,
  sessionId: string,
): Promise<string> {
  const { sessions } = deps.collections;
  // Not the tokens that another process stored after this one took too long.
  const unchanged = { _id, 'tokens.access': access };
  const refreshToken = sealed && deps.webSealer.open(sealed, sessionId);
  try {
    if (refreshToken === undefined) throw new ApiError(sessionErrors.signInAgain);
    const configuration = await deps.provider.getConfiguration();
    const made = await oidc.refreshTokenGrant(configuration, refreshToken);
    const kept = { ...made, refresh_token: made.refresh_token ?? refreshToken };
    await sessions.updateOne(unchanged, { $set: { tokens: sealProviderTokens(deps, kept, sessionId) } });
    return made.access_token;
  } catch (cause) {
    const isRefused = cause instanceof oidc.ResponseBodyError && cause.error === 'invalid_grant';
    if (isRefused || cause instanceof ApiError) {
      // The provider does not take the refresh token any more, and never will.
      await sessions.updateOne(unchanged, { $unset: { tokens: true } });
      throw new ApiError(sessionErrors.signInAgain, { cause });
    }
    await sessions.updateOne(unchanged, { $unset: { 'tokens.refreshing_until': true } });
    throw new ApiError(peopleErrors.providerUnreachable, { cause });
  }
}
