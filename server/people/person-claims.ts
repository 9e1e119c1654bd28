import { ApiError } from '../errors/api-error.js';
import { peopleErrors } from './errors.js';

/** Who signs in, as the provider states it. */
export interface PersonClaims {
  iss: string;
  sub: string;
  name?: string;
  email?: string;
  /** `false` only if the provider says so. */
  isVerified: boolean;
}

/** Reads the claims of an ID token or of userinfo (OpenID Connect Core section 5.1); values of other types count as absent. */
export function readPersonClaims(iss: string, claims: Readonly<Record<string, unknown>>): PersonClaims {
  const { sub, name, nickname, preferred_username: username, email, email_verified: verified } = claims;
  const shown = [name, nickname, username].find(isText);
  return {
    iss,
    sub: String(sub),
    ...(shown !== undefined && { name: shown }),
    ...(isText(email) && { email }),
    isVerified: verified !== false && verified !== 'false',
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Checks that a person may sign in with these claims, and returns the e-mail address. @throws ApiError 403 */
export function checkPersonClaims(
  { email, isVerified }: PersonClaims,
  { oidcEmailDomains }: { oidcEmailDomains: readonly string[] | undefined },
): string {
  if (email === undefined) throw new ApiError(peopleErrors.emailMissing);
  if (!isVerified) throw new ApiError(peopleErrors.emailNotVerified);
  // Without an @ there is no domain: `example.com` is not an address of example.com.
  const domain = /@([^@]*)$/.exec(email)?.[1]?.toLowerCase();
  const isAllowed = oidcEmailDomains?.some((allowed) => allowed.toLowerCase() === domain) ?? true;
  if (!isAllowed) throw new ApiError(peopleErrors.emailDomain);
  return email;
}
