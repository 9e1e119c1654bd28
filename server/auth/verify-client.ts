import type { AuthServices } from './services.js';
import type { Core } from '../core/core.js';
import { authErrors } from './errors.js';
import type { ClientRecord } from '../principal/client-record.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import { countBusyLogin } from './count-token-outcomes.js';
import { isBcryptHash, readCost } from './bcrypt-pool.js';
import { readServerKey, type ServerKey } from './client-key-format.js';
import { verifyServerKey } from './verify-server-key.js';

/** A login as presented: the id, the key and the address that it comes from. */
export interface Login {
  clientId: string;
  clientKey: string;
  source: string;
}

/**
 * Who a client id and key are. The record is read each time, so that a changed key counts at once; a pair that
 * bcrypt found right some minutes ago costs no hash, and a key made by the server never does.
 * All failures give one answer after one compare: the reason goes to the security log.
 * @throws ApiError 401 `login_failed`, 429 after too many failures, 503 when too many logins wait for a hash.
 */
export async function verifyClient(
  deps: Core &
    Pick<
      AuthServices,
      | 'bcryptPool'
      | 'collections'
      | 'findClient'
      | 'findClientKey'
      | 'loginAttempts'
      | 'metrics'
      | 'rememberedPairs'
    >,
  login: Login,
): Promise<ClientRecord> {
  const serverKey = readServerKey(login.clientKey);
  const record = await (serverKey === undefined
    ? verifySecret(deps, login)
    : verifyByServerKey(deps, login, serverKey));
  deps.audit({ event: 'login', outcome: 'accepted', actor: record.client_id, source: login.source });
  return record;
}

async function verifyByServerKey(
  deps: Core &
    Pick<AuthServices, 'collections' | 'findClient' | 'findClientKey' | 'loginAttempts' | 'metrics'>,
  login: Login,
  serverKey: ServerKey,
): Promise<ClientRecord> {
  const found = await verifyServerKey(deps, login.clientId, serverKey);
  return found ?? attempt(deps, login, () => refuse(deps, login, 'wrong server-made key'));
}

/** Reads the record again after a compare, which can have waited for seconds: what counts is what it says then. */
async function verifySecret(
  deps: Core &
    Pick<
      AuthServices,
      'bcryptPool' | 'collections' | 'findClient' | 'loginAttempts' | 'metrics' | 'rememberedPairs'
    >,
  login: Login,
): Promise<ClientRecord> {
  for (;;) {
    const record = await deps.findClient(login.clientId);
    const stored = record?.client_secret_hash;
    const hash = isBcryptHash(stored) ? stored : undefined;
    if (record !== undefined && hash !== undefined && deps.rememberedPairs.has(hash, login.clientKey))
      return record;
    await attempt(deps, login, () => compareAndRemember(deps, login, record, hash));
  }
}

/** A login that may fail, when too many have not failed before. */
async function attempt<T>(
  deps: Core & Pick<AuthServices, 'collections' | 'loginAttempts' | 'metrics'>,
  login: Login,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await deps.loginAttempts.during(login, run);
  } catch (error) {
    if (isApiError(error, authErrors.tooManyAttempts)) {
      await logRefusal(deps, login, 'too many attempts');
    }
    if (isApiError(error, authErrors.busy)) countBusyLogin(deps.metrics);
    throw error;
  }
}

/** One compare for every login, whether there is a client and a hash or not. */
async function compareAndRemember(
  deps: Core & Pick<AuthServices, 'bcryptPool' | 'collections' | 'loginAttempts' | 'rememberedPairs'>,
  login: Login,
  record: ClientRecord | undefined,
  hash: string | undefined,
): Promise<void> {
  const { bcryptPool, rememberedPairs } = deps;
  if (record === undefined || hash === undefined) {
    await bcryptPool.compareAbsent(login.clientKey);
    return refuse(deps, login, record === undefined ? 'unknown client' : 'client without a secret');
  }
  if (!(await bcryptPool.compare(login.clientKey, hash))) return refuse(deps, login, 'wrong key');
  rememberedPairs.add(await renewHash(deps, login, hash), login.clientKey);
}

/** Rewrites a hash of another cost than the configured one; the login stands even if that fails. */
async function renewHash(
  deps: Core & Pick<AuthServices, 'bcryptPool' | 'collections'>,
  { clientId, clientKey }: Login,
  hash: string,
): Promise<string> {
  if (readCost(hash) === deps.bcryptPool.cost) return hash;
  try {
    const renewed = await deps.bcryptPool.hash(clientKey);
    const { modifiedCount } = await deps.collections.clients.updateOne(
      { client_id: clientId, client_secret_hash: hash },
      { $set: { client_secret_hash: renewed } },
    );
    return modifiedCount === 1 ? renewed : hash;
  } catch (error) {
    deps.log.warn(
      { err: error, client_id: clientId },
      'hash of a client secret not renewed; tried again at its next login',
    );
    return hash;
  }
}

async function refuse(
  deps: Core & Pick<AuthServices, 'collections' | 'loginAttempts'>,
  login: Login,
  reason: string,
): Promise<never> {
  await deps.loginAttempts.fail(login);
  await logRefusal(deps, login, reason);
  throw new ApiError(authErrors.loginFailed, { reason });
}

/** The id of an unknown client may be a key in the wrong place, so only one that there is is told. */
async function logRefusal(
  deps: Core & Pick<AuthServices, 'collections'>,
  { clientId, source }: Login,
  reason: string,
): Promise<void> {
  const filter = { client_id: clientId };
  const known = await deps.collections.clients.findOne(filter, { projection: { _id: 1 } });
  deps.audit({
    event: 'login',
    outcome: 'refused',
    ...(known !== null && { target: clientId }),
    source,
    reason,
  });
}
