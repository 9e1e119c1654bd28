import type { Core } from '../core/core.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import type { ClientRecord } from '../principal/client-record.js';
import { isBcryptHash, readCost } from './bcrypt-pool.js';
import { matchesDigest, readServerKey, type ServerKey } from './client-key-format.js';
import type { ClientKey } from './collections.js';
import { countBusyLogin } from './count-token-outcomes.js';
import { authErrors } from './errors.js';
import type { AuthServices } from './services.js';

/** A login as sent: client id, client key and the caller's address. */
export interface Login {
  clientId: string;
  clientKey: string;
  source: string;
}

/**
 * Returns the client that a client id and key belong to. The record is read each time, so that a changed key takes effect
 * at once. A secret that bcrypt verified in the last 5 minutes needs no hash, and a key made by the server never does.
 * All failures have the same response, after one compare; the security log has the reason.
 * @throws ApiError 401 `login_failed`, 429 after too many failures, 503 when too many logins wait for a hash
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
      | 'verifiedSecrets'
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
  return found ?? limitAttempts(deps, login, () => rejectLogin(deps, login, 'wrong server-made key'));
}

/**
 * Returns the record of `clientId` if the key made by the server is one of that client's and has not expired or been
 * removed, else `undefined`. The key and the client's record are read at the same time.
 */
async function verifyServerKey(
  deps: Core & Pick<AuthServices, 'collections' | 'findClient' | 'findClientKey'>,
  clientId: string,
  { keyId, secret }: ServerKey,
): Promise<ClientRecord | undefined> {
  const [found, record] = await Promise.all([deps.findClientKey(keyId), deps.findClient(clientId)]);
  if (!found || !record || !matchesDigest(secret, found.secret_sha256) || found.client_id !== clientId)
    return undefined;
  const now = deps.clock.now();
  if (found.expires_at !== undefined && found.expires_at <= now) return undefined;
  await recordUse(deps, found, now.toISOString().slice(0, 10));
  return record;
}

/** Stores the day of use, at most once a day for each key; a failure does not fail the login. */
async function recordUse(
  deps: Core & Pick<AuthServices, 'collections'>,
  key: ClientKey,
  today: string,
): Promise<void> {
  if (key.last_used_on === today) return;
  try {
    await deps.collections.clientKeys.updateOne({ key_id: key.key_id }, { $set: { last_used_on: today } });
  } catch (error) {
    deps.log.warn({ err: error, key_id: key.key_id }, 'could not store the last day of use of a client key');
  }
}

/** Verifies a secret; reads the record again after a compare, which can take seconds, so that the current record counts. */
async function verifySecret(
  deps: Core &
    Pick<
      AuthServices,
      'bcryptPool' | 'collections' | 'findClient' | 'loginAttempts' | 'metrics' | 'verifiedSecrets'
    >,
  login: Login,
): Promise<ClientRecord> {
  for (;;) {
    const record = await deps.findClient(login.clientId);
    const stored = record?.client_secret_hash;
    const hash = isBcryptHash(stored) ? stored : undefined;
    if (record !== undefined && hash !== undefined && deps.verifiedSecrets.has(hash, login.clientKey))
      return record;
    await limitAttempts(deps, login, () => compareAndRemember(deps, login, record, hash));
  }
}

/** Runs a login that can fail, unless too many have failed before; logs and counts such refusals. */
async function limitAttempts<T>(
  deps: Core & Pick<AuthServices, 'collections' | 'loginAttempts' | 'metrics'>,
  login: Login,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await deps.loginAttempts.runCounted(login, run);
  } catch (error) {
    if (isApiError(error, authErrors.tooManyAttempts)) {
      await logRefusal(deps, login, 'too many attempts');
    }
    if (isApiError(error, authErrors.busy)) countBusyLogin(deps.metrics);
    throw error;
  }
}

/** Runs one compare for every login, whether the client and its hash exist or not, and caches a match. */
async function compareAndRemember(
  deps: Core & Pick<AuthServices, 'bcryptPool' | 'collections' | 'loginAttempts' | 'verifiedSecrets'>,
  login: Login,
  record: ClientRecord | undefined,
  hash: string | undefined,
): Promise<void> {
  const { bcryptPool, verifiedSecrets } = deps;
  if (record === undefined || hash === undefined) {
    await bcryptPool.compareDummy(login.clientKey);
    return rejectLogin(deps, login, record === undefined ? 'unknown client' : 'client without a secret');
  }
  if (!(await bcryptPool.compare(login.clientKey, hash))) return rejectLogin(deps, login, 'wrong key');
  verifiedSecrets.add(await renewHash(deps, login, hash), login.clientKey);
}

/** Replaces a hash whose cost is not the configured one; a failure does not fail the login. */
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
      "could not renew the hash of a client secret; the client's next login tries again",
    );
    return hash;
  }
}

async function rejectLogin(
  deps: Core & Pick<AuthServices, 'collections' | 'loginAttempts'>,
  login: Login,
  reason: string,
): Promise<never> {
  await deps.loginAttempts.countFailure(login);
  await logRefusal(deps, login, reason);
  throw new ApiError(authErrors.loginFailed, { reason });
}

/** Logs a refused login; it names only existing clients, since an unknown id may be a key in the wrong field. */
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
