import { setTimeout as wait } from 'node:timers/promises';
import { auditChange } from '../audit/audit-change.js';
import type { AuthServices } from '../auth/services.js';
import { clientErrors } from '../clients/errors.js';
import { findPerson } from '../clients/find-person.js';
import type { Core, DepsOf } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { makePrincipal, type Principal } from '../principal/principal.js';
import { checkEnabled } from './check-enabled.js';
import { peopleErrors } from './errors.js';
import { checkPersonClaims, type PersonClaims } from './person-claims.js';
import { registerPerson } from './register-person.js';
import type { PeopleSettings } from './settings.js';

/** How often, and after how many milliseconds, a sign-in looks for a record that another one is making. */
const tries = 30;
const waitMs = 100;

type Needs = Core &
  Pick<AuthServices, 'collections' | 'findClient'> &
  DepsOf<typeof registerPerson> & { config: Pick<PeopleSettings, 'oidcEmailDomains'> };

/**
 * Returns the record of a person whom the provider has identified, with the name and the address of now; at the first sign-in it
 * makes the record. Only issuer and subject find it, never an e-mail address, which can pass to another person.
 * @throws ApiError 403 if the person may not sign in; nothing is written then
 */
export async function signInPerson(
  deps: Needs,
  claims: PersonClaims,
  request: Pick<Principal, 'source' | 'requestId'>,
): Promise<ClientRecord> {
  const email = checkPersonClaims(claims, deps.config);
  for (let left = tries; ; left--) {
    const found = await findPerson(deps.collections, claims);
    const record =
      found === null
        ? await tryToRegister(deps, { ...claims, email }, request, left > 0)
        : await updatePerson(deps, found, { ...claims, email });
    if (record !== null) return record;
  }
}

type KnownPerson = PersonClaims & { email: string };

/**
 * Makes the record of a person.
 * @param mayWait whether another request may be making it: then `null` is returned after a while, or at once if it is made
 */
async function tryToRegister(
  deps: Needs,
  person: KnownPerson,
  request: Pick<Principal, 'source' | 'requestId'>,
  mayWait: boolean,
): Promise<ClientRecord | null> {
  try {
    const record = await registerPerson(deps, person);
    await auditChange(deps, presentPerson(record, request), 'person_registered', record.client_id);
    return record;
  } catch (error) {
    const isBusy = isApiError(error, clientErrors.stillEnding);
    if (!mayWait || !(isBusy || isApiError(error, peopleErrors.emailInUse))) throw error;
    // Two first sign-ins of one person at once: the other one is making the record, or has made it.
    if (isBusy) await wait(waitMs);
    else if ((await findPerson(deps.collections, person)) === null) throw error;
    return null;
  }
}

/** Writes the name and the address of now to a record. Returns `null` if the record was removed or replaced in between. */
async function updatePerson(
  deps: Needs,
  found: ClientRecord,
  { iss, sub, name, email }: KnownPerson,
): Promise<ClientRecord | null> {
  await checkEnabled(deps, found.client_id, { iss, sub });
  await checkNotClientOfAnother(deps, found, email);
  try {
    return await deps.collections.clients.findOneAndUpdate(
      { client_id: found.client_id, sub },
      { $set: { iss, email, last_login: deps.clock.now(), ...(name !== undefined && { name }) } },
      { returnDocument: 'after' },
    );
  } catch (error) {
    // Another record of this issuer and subject was made since.
    if (isDuplicateKey(error)) return null;
    throw error;
  }
}

/** Checks that a person's new e-mail address is not the id of another client. @throws ApiError 403 */
async function checkNotClientOfAnother(
  { collections: { clients } }: Pick<Needs, 'collections'>,
  { client_id }: ClientRecord,
  email: string,
): Promise<void> {
  if (email === client_id) return;
  if ((await clients.findOne({ client_id: email })) !== null) throw new ApiError(peopleErrors.emailInUse);
}

/** Returns the principal of a person who has just signed in. */
export function presentPerson(
  { client_id: clientId, role = 'contributor' }: ClientRecord,
  { source, requestId }: Pick<Principal, 'source' | 'requestId'>,
): Principal {
  return { ...makePrincipal({ role, clientId }, { source, requestId }), kind: 'person' };
}
