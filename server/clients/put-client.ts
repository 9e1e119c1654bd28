import { isAmbiguousSecret } from '../auth/bcrypt-pool.js';
import { serverKeyPrefix } from '../auth/client-key-format.js';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { ClientRecord } from '../principal/client-record.js';
import type { Principal } from '../principal/principal.js';
import { isClientId } from './client-id.js';
import { checkKeyLimit } from './client-keys.js';
import { checkMayAssign, checkMayModify, checkNotAdminClient } from './client-rights.js';
import type { ClientInput } from './client-schema.js';
import { clientErrors } from './errors.js';
import { findLookAlike, findMisleadingText } from './look-alike-ids.js';
import { makeAfresh } from './make-afresh.js';
import { type Changes, type ClientFields, presentChanges } from './present-changes.js';
import { findClientSharingNamespace, presentSecretsNamespace } from './secrets-namespace.js';
import type { ClientServices } from './services.js';
import { setDisabled } from './set-disabled.js';
import { waitForNextSecond } from './wait-for-next-second.js';

/** A requested change of a client. */
export interface ClientChange {
  caller: Principal;
  clientId: string;
  input: ClientInput;
  /** The request also makes a key for the client, so that a new client needs no secret. */
  generateKey: boolean;
}

/** What a change did. */
interface PutOutcome {
  isNew: boolean;
  changes: Changes;
}

type PutDeps = Core &
  Pick<AuthServices, 'bcryptPool' | 'collections'> &
  Pick<ClientServices, 'collections' | 'removeClientData'>;

interface Attempt extends ClientChange {
  deps: PutDeps;
  /** The current record, `null` for a new client. */
  record: ClientRecord | null;
}

/** The checks of a change, in order. */
const checks: readonly ((attempt: Attempt) => void | Promise<void>)[] = [
  checkSecretForm,
  ({ clientId }) => checkNotAdminClient(clientId),
  ({ caller, record }) => record && checkMayModify(caller, record),
  ({ caller, input, clientId }) => checkMayAssign(caller, input.role, clientId),
  checkOidcClient,
  checkNewClient,
  ({ deps, clientId, generateKey }) => (generateKey ? checkKeyLimit(deps, clientId) : undefined),
];

/**
 * Creates or changes a client; each field of the input replaces the whole stored field. A change of `disabled` counts at
 * once, on every server.
 * @throws ApiError as the checks above; 503 when too many logins wait for a hash
 */
export async function putClient(deps: PutDeps, change: ClientChange): Promise<PutOutcome> {
  const { clients } = deps.collections;
  let hash: string | undefined;
  for (;;) {
    const record = await clients.findOne({ client_id: change.clientId });
    const attempt = { ...change, deps, record };
    for (const check of checks) await check(attempt);
    const { client_secret: secret, disabled, ...fields } = change.input;
    if (secret !== undefined) hash ??= await deps.bcryptPool.hash(secret);
    const stored = {
      ...fields,
      ...(hash !== undefined && { client_secret_hash: hash }),
    } as Partial<ClientRecord>;
    if (record === null) {
      const written = { ...defaults, ...stored };
      if (!(await create(attempt, written))) continue;
      if (disabled === true) await setDisabled(deps, change.clientId, true);
      return { isNew: true, changes: presentChanges(null, { ...written, ...(disabled && { disabled }) }) };
    }
    const before = await update(attempt, record, stored);
    if (before === null) continue;
    if (disabled === undefined) return { isNew: false, changes: presentChanges(before, stored) };
    // After the record, so that a client with a new secret is never enabled with its earlier one.
    const wasDisabled = await setDisabled(deps, change.clientId, disabled);
    const earlier: ClientFields = { ...before, disabled: wasDisabled };
    return { isNew: false, changes: presentChanges(earlier, { ...stored, disabled }) };
  }
}

const defaults = { role: 'contributor', max_priority: {}, max_reservation_time: {}, allowed_queues: [] };

/** Stores a new client; false if another request stored it meanwhile. */
async function create(attempt: Attempt, fields: Partial<ClientRecord>): Promise<boolean> {
  const { deps, clientId } = attempt;
  const make = () => insert(attempt, fields);
  // Only an id with an @ can be that of a person, whose record can end without this server's code.
  if (clientId.includes('@')) {
    const isFree = async () => (await deps.collections.clients.findOne({ client_id: clientId })) === null;
    return (await makeAfresh(deps, clientId, { isFree, make })) ?? false;
  }
  await waitForNextSecond(deps, clientId);
  return make();
}

async function insert({ deps, clientId }: Attempt, fields: Partial<ClientRecord>): Promise<boolean> {
  const { clients } = deps.collections;
  try {
    await clients.insertOne({ ...fields, client_id: clientId });
  } catch (error) {
    if (isDuplicateKey(error)) return false;
    throw error;
  }
  // Checked again after the insert: two requests for similar ids can both pass the first check.
  try {
    await checkOtherClients(deps, clientId);
  } catch (error) {
    await clients.deleteOne({ client_id: clientId });
    throw error;
  }
  return true;
}

/** Updates the client and returns its record before; null if its role is not the one that was checked, which is then checked again. */
async function update(
  { deps, clientId }: Attempt,
  seen: ClientRecord,
  fields: Partial<ClientRecord>,
): Promise<ClientRecord | null> {
  // `null` matches a record without a role as well.
  const filter = { client_id: clientId, role: (seen.role ?? null) as string };
  if (Object.keys(fields).length === 0) return seen;
  return deps.collections.clients.findOneAndUpdate(filter, { $set: fields });
}

function checkSecretForm({ input: { client_secret: secret }, generateKey }: Attempt): void {
  if (secret === undefined) return;
  if (generateKey) throw refuseField('client_secret', 'Must not be given together with generate_key.');
  if (isAmbiguousSecret(secret)) {
    throw refuseField('client_secret', 'Must be at most 72 bytes long and without NUL.');
  }
  if (secret.startsWith(serverKeyPrefix)) {
    throw refuseField(
      'client_secret',
      `Must not begin with ${serverKeyPrefix}, as keys made by the server do.`,
    );
  }
}

function checkOidcClient({ record, input, generateKey }: Attempt): void {
  if (record?.sub == null) return;
  if (input.client_secret !== undefined || input.email !== undefined || generateKey) {
    throw new ApiError(clientErrors.oidcFixed);
  }
}

async function checkNewClient({ deps, record, clientId, input, generateKey }: Attempt): Promise<void> {
  if (record !== null) return;
  if (input.client_secret === undefined && !generateKey) throw new ApiError(clientErrors.secretMissing);
  if (!isClientId(clientId)) {
    throw refuseField(
      'client_id',
      'Must be 1 to 128 characters without blanks, control characters, : and /.',
    );
  }
  const misleading = findMisleadingText(clientId);
  if (misleading !== undefined) throw refuseField('client_id', misleading);
  await checkOtherClients(deps, clientId);
}

async function checkOtherClients(
  deps: Pick<AuthServices, 'collections'> & Pick<ClientServices, 'collections'>,
  clientId: string,
): Promise<void> {
  const alike = await findLookAlike(deps.collections, clientId);
  if (alike !== undefined)
    throw refuseField('client_id', `Looks like the id of the client ${alike}; choose another id.`);
  const sharer = await findClientSharingNamespace(deps.collections, clientId);
  if (sharer !== undefined) {
    throw refuseField('client_id', 'Another client has the same secrets namespace; choose another id.');
  }
  const namespace = presentSecretsNamespace(clientId);
  // The lock of the very request that makes the client does not count.
  const own = { _id: clientId, making: true } as const;
  const ending = await deps.collections.endingClients.findOne({ namespace, $nor: [own] });
  if (ending !== null) throw new ApiError(clientErrors.stillEnding);
}

function refuseField(field: string, reason: string): ApiError {
  return new ApiError(commonErrors.validation, { detail: { json: { [field]: [reason] } } });
}
