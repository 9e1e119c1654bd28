import type { AuthServices } from '../auth/services.js';
import { isClientId } from '../clients/client-id.js';
import { filterMaking } from '../clients/end-client.js';
import { clientErrors } from '../clients/errors.js';
import { findLookAlike, findMisleadingText } from '../clients/look-alike-ids.js';
import { findClientSharingNamespace, presentSecretsNamespace } from '../clients/secrets-namespace.js';
import type { ClientServices } from '../clients/services.js';
import { waitForNextSecond } from '../clients/wait-for-next-second.js';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { peopleErrors } from './errors.js';
import type { PersonClaims } from './person-claims.js';

type Needs = Core &
  Pick<AuthServices, 'collections'> &
  Pick<ClientServices, 'collections' | 'removeClientData'>;

/** Milliseconds for which the client id is kept from others while the record is made. */
const busyMs = 60_000;

/**
 * Makes the record of a person who signs in for the first time. Whatever an earlier client left under the e-mail address is
 * removed first, since a record can end without this server's code: a recycled address inherits nothing.
 * @throws ApiError 403 if another client has the address, or one that could be mistaken for it; 409 while such a client ends
 */
export async function registerPerson(
  deps: Needs,
  { iss, sub, name, email }: PersonClaims & { email: string },
): Promise<ClientRecord> {
  const { clients, endingClients } = deps.collections;
  await checkFree(deps, email, sub);
  const namespace = presentSecretsNamespace(email);
  const now = deps.clock.now();
  // The same lock as that of a removal: nobody else makes or removes a client of this id meanwhile.
  try {
    const busyUntil = new Date(now.getTime() + busyMs);
    await endingClients.insertOne({ _id: email, namespace, busy_until: busyUntil, making: true });
  } catch (error) {
    throw isDuplicateKey(error) ? new ApiError(clientErrors.stillEnding) : error;
  }
  try {
    await checkFree(deps, email, sub);
    await deps.removeClientData(email);
    await waitForNextSecond(deps, email);
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
  } catch (error) {
    throw isDuplicateKey(error) ? new ApiError(peopleErrors.emailInUse) : error;
  } finally {
    await endingClients.deleteOne(filterMaking(email));
  }
}

/**
 * A record that ended by itself leaves its client disabled: nobody gets access back by staying away.
 * @throws ApiError 403 if the address is disabled, is the id of another client, shares the secrets of one, or looks like one
 */
async function checkFree(deps: Needs, email: string, sub: string): Promise<void> {
  const { collections } = deps;
  if ((await collections.disabledClients.findOne({ $or: [{ _id: email }, { sub }] })) !== null)
    throw new ApiError(peopleErrors.personDisabled);
  const isTaken =
    !isClientId(email) ||
    findMisleadingText(email) !== undefined ||
    (await collections.clients.findOne({ client_id: email })) !== null ||
    (await findLookAlike(collections, email)) !== undefined ||
    (await findClientSharingNamespace(collections, email)) !== undefined;
  if (isTaken) throw new ApiError(peopleErrors.emailInUse);
}
