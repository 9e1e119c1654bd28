import * as oidc from 'openid-client';
import { ApiError } from '../errors/api-error.js';
import { peopleErrors } from './errors.js';
import type { PeopleServices } from './services.js';

/**
 * Returns the provider's userinfo for an access token (OpenID Connect Core section 5.3), and the issuer.
 * @param subject the subject that it must have (section 5.3.2); any for a sign-in that has no ID token
 * @throws ApiError 502
 */
export async function fetchUserinfo(
  { provider }: Pick<PeopleServices, 'provider'>,
  accessToken: string,
  subject?: string,
): Promise<{ iss: string; userinfo: Record<string, unknown> }> {
  try {
    const configuration = await provider.getConfiguration();
    const userinfo = await oidc.fetchUserInfo(configuration, accessToken, subject ?? oidc.skipSubjectCheck);
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
