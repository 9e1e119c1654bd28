import * as oidc from 'openid-client';
import { ApiError } from '../errors/api-error.js';
import { peopleErrors } from './errors.js';
import type { PeopleServices } from './services.js';

/**
 * Returns the provider's userinfo for an access token (OpenID Connect Core section 5.3), and the issuer.
 * @throws ApiError 502
 */
export async function fetchUserinfo(
  { provider }: Pick<PeopleServices, 'provider'>,
  accessToken: string,
): Promise<{ iss: string; userinfo: Record<string, unknown> }> {
  try {
    const configuration = await provider.getConfiguration();
    const userinfo = await oidc.fetchUserInfo(configuration, accessToken, oidc.skipSubjectCheck);
    return { iss: configuration.serverMetadata().issuer, userinfo };
  } catch (cause) {
    throw new ApiError(peopleErrors.userinfoFailed, { cause });
  }
}

/** Returns whether the provider refused the access token itself, so that another one may work. */
export function isTokenRefused(error: unknown): boolean {
  const { cause } = (error ?? {}) as { cause?: unknown };
  return cause instanceof oidc.WWWAuthenticateChallengeError && cause.status === 401;
}
