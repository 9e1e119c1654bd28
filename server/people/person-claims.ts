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

/** Maximum characters of each claim: of a subject (OpenID Connect Core section 2), and more than an e-mail address can have. */
const maxLength = 255;

/** An e-mail address: other texts are no client id of a person, such as the id of the built-in admin. */
const emailForm = /^[^@\s]+@[^@\s]+$/;

/**
 * Reads the claims of an ID token or of userinfo (OpenID Connect Core section 5.1); values of other types, and texts that are too
 * long or no valid Unicode, count as absent.
 * @throws ApiError 502 without a subject, by which the person is found
 */
export function readPersonClaims(iss: string, claims: Readonly<Record<string, unknown>>): PersonClaims {
  const { sub, name, nickname, preferred_username: username, email, email_verified: verified } = claims;
  // MongoDB replaces what is no valid Unicode: two subjects would become one.
  if (!isText(sub)) throw new ApiError(peopleErrors.userinfoFailed, { reason: 'the subject is not valid' });
  const shown = [name, nickname, username].find(isText);
  return {
    iss,
    sub,
    ...(shown !== undefined && { name: shown }),
    ...(isText(email) && emailForm.test(email) && { email }),
    isVerified: verified !== false && verified !== 'false',
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength && value.isWellFormed();
}

/** Checks that a person may sign in with these claims, and returns the e-mail address. @throws ApiError 403 */
export function checkPersonClaims(
  { email, isVerified }: PersonClaims,
  { oidcEmailDomains }: { oidcEmailDomains: readonly string[] | undefined },
): string {
  if (email === undefined) throw new ApiError(peopleErrors.emailMissing);
  if (!isVerified) throw new ApiError(peopleErrors.emailNotVerified);
  const domain = email.slice(email.indexOf('@') + 1).toLowerCase();
  const isAllowed = oidcEmailDomains?.includes(domain) ?? true;
  if (!isAllowed) throw new ApiError(peopleErrors.emailDomain);
  return email;
}
