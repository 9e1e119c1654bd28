import type { AuthServices } from '../auth/services.js';
import { isClientId } from '../clients/client-id.js';
import { findLookAlike, findMisleadingText } from '../clients/look-alike-ids.js';
import { makeAfresh } from '../clients/make-afresh.js';
import { findClientSharingNamespace } from '../clients/secrets-namespace.js';
import type { ClientServices } from '../clients/services.js';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { checkEnabled } from './check-enabled.js';
import { peopleErrors } from './errors.js';
import type { PersonClaims } from './person-claims.js';

type Needs = Core &
  Pick<AuthServices, 'collections'> &
  Pick<ClientServices, 'collections' | 'removeClientData'>;

/**
 * Makes the record of a person who signs in for the first time. Whatever an earlier client left under the e-mail address is
 * removed first, since a record can end without this server's code: a recycled address inherits nothing.
 * @throws ApiError 403 if another client has the address, or one that could be mistaken for it; 409 while such a client ends
 */
export async function registerPerson(
  deps: Needs,
  { iss, sub, name, email }: PersonClaims & { email: string },
): Promise<ClientRecord> {
  const { clients } = deps.collections;
  await checkFree(deps, email, { iss, sub });
  const isFree = async () => {
    await checkFree(deps, email, { iss, sub });
    return true;
  };
  const make = async () => {
    const at = deps.clock.now();
    const record: ClientRecord = {
      client_id: email,
      sub,
      iss,
      ...(name !== undefined && { name }),
      email,
      role: 'contributor',
      created_at: at,
      last_login: at,
    };
    await clients.insertOne({ ...record });
    return record;
  };
  try {
    return (await makeAfresh(deps, email, { isFree, make })) as ClientRecord;
  } catch (error) {
    throw isDuplicateKey(error) ? new ApiError(peopleErrors.emailInUse) : error;
  }
}

/**
 * A record that ended by itself leaves its client disabled: nobody gets access back by staying away.
 * @throws ApiError 403 if the address is disabled, is the id of another client, shares the secrets of one, or looks like one
 */
async function checkFree(
  deps: Needs,
  email: string,
  person: Pick<PersonClaims, 'iss' | 'sub'>,
): Promise<void> {
  const { collections } = deps;
  await checkEnabled(deps, email, person);
  const isTaken =
    !isClientId(email) ||
    findMisleadingText(email) !== undefined ||
    (await collections.clients.findOne({ client_id: email })) !== null ||
    (await findLookAlike(collections, email)) !== undefined ||
    (await findClientSharingNamespace(collections, email)) !== undefined;
  if (isTaken) throw new ApiError(peopleErrors.emailInUse);
}
