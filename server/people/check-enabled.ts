import type { AuthServices } from '../auth/services.js';
import { ApiError } from '../errors/api-error.js';
import { peopleErrors } from './errors.js';
import type { PersonClaims } from './person-claims.js';

/**
 * Checks that a person is not disabled, whose client id a Testflinger server may have changed since.
 * @throws ApiError 403
 */
export async function checkEnabled(
  { collections: { disabledClients } }: Pick<AuthServices, 'collections'>,
  clientId: string,
  { iss, sub }: Pick<PersonClaims, 'iss' | 'sub'>,
): Promise<void> {
  // A record of a Testflinger server has no issuer.
  const person = { sub, $or: [{ iss }, { iss: { $exists: false } }] };
  if ((await disabledClients.findOne({ $or: [{ _id: clientId }, person] })) !== null)
    throw new ApiError(peopleErrors.personDisabled);
}
