import { setTimeout as wait } from 'node:timers/promises';
import { auditChange } from '../audit/audit-change.js';
import type { AuthServices } from '../auth/services.js';
import { clientErrors } from '../clients/errors.js';
import type { Core, DepsOf } from '../core/core.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { makePrincipal, type Principal } from '../principal/principal.js';
import { peopleErrors } from './errors.js';
import { checkPersonClaims, type PersonClaims } from './person-claims.js';
import { registerPerson } from './register-person.js';
import type { PeopleSettings } from './settings.js';

/** Milliseconds for which a sign-in waits while another process makes the record of the person, or removes an earlier one. */
const registeringMs = 5000;
const waitMs = 50;

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
  const known = { ...claims, email };
  const started = performance.now();
  for (;;) {
    const found = await findPerson(deps, claims);
    const isLate = performance.now() - started > registeringMs;
    const record = found ? await renew(deps, found, known) : await tryRegister(deps, known, request, isLate);
    if (record !== undefined) return record;
    await wait(waitMs);
  }
}

type KnownPerson = PersonClaims & { email: string };

/** Makes the record of a new person. @returns `undefined` if another process makes it at the same time, or has just made it */
async function tryRegister(
  deps: Needs,
  claims: KnownPerson,
  request: Pick<Principal, 'source' | 'requestId'>,
  isLate: boolean,
): Promise<ClientRecord | undefined> {
  try {
    const record = await registerPerson(deps, claims);
    await auditChange(deps, presentPerson(record, request), 'person_registered', record.client_id);
    return record;
  } catch (error) {
    if (isApiError(error, clientErrors.stillEnding) && !isLate) return undefined;
    if (isApiError(error, peopleErrors.emailInUse) && (await findPerson(deps, claims)) !== null)
      return undefined;
    throw error;
  }
}

/** Stores the name and the address of now in a person's record. @returns `undefined` if the record was removed meanwhile */
async function renew(
  deps: Needs,
  found: ClientRecord,
  { iss, sub, name, email }: KnownPerson,
): Promise<ClientRecord | undefined> {
  await checkEnabled(deps, found.client_id);
  await checkNotClientOfAnother(deps, found, email);
  const { clients } = deps.collections;
  const updated = await clients.findOneAndUpdate(
    { client_id: found.client_id, sub },
    { $set: { iss, email, last_login: deps.clock.now(), ...(name !== undefined && { name }) } },
    { returnDocument: 'after' },
  );
  return updated ?? undefined;
}

/** Returns the person's record: that of the issuer, or one of a Testflinger server, which keeps no issuers. */
async function findPerson(
  { collections: { clients } }: Pick<Needs, 'collections'>,
  { iss, sub }: PersonClaims,
): Promise<ClientRecord | null> {
  return (await clients.findOne({ sub, iss })) ?? clients.findOne({ sub, iss: { $exists: false } });
}

/** @throws ApiError 403 */
async function checkEnabled({ findClient }: Pick<Needs, 'findClient'>, clientId: string): Promise<void> {
  const record = await findClient(clientId);
  if (record?.disabled) throw new ApiError(peopleErrors.personDisabled);
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
