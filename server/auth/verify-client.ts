import { truncates } from 'bcryptjs';
import type { ClientRecord } from '../db/collections.js';
import type { Deps } from '../deps.js';
import { ApiError } from '../http/errors.js';
import { isBcryptHash, readCost } from './bcrypt-pool.js';
import { readServerKey } from './client-key-format.js';
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
export async function verifyClient(deps: Deps, login: Login): Promise<ClientRecord> {
  const serverKey = readServerKey(login.clientKey);
  if (serverKey !== undefined) {
    const found = await verifyServerKey(deps, login.clientId, serverKey);
    if (found !== undefined) return accept(deps, login, found);
    await deps.loginAttempts.check(login.clientId, login.source);
    return refuse(deps, login, 'wrong server-made key');
  }
  const record = await deps.collections.clients.findOne({ client_id: login.clientId });
  const hash = record?.client_secret_hash;
  if (record && hash !== undefined && deps.rememberedPairs.has(hash, login.clientKey)) {
    return accept(deps, login, record);
  }
  await checkAttempts(deps, login);
  return verifySecret(deps, login, record);
}

async function checkAttempts(deps: Deps, login: Login): Promise<void> {
  try {
    await deps.loginAttempts.check(login.clientId, login.source);
  } catch (error) {
    deps.securityLog({
      event: 'login',
      outcome: 'refused',
      source: login.source,
      reason: 'too many attempts',
    });
    throw error;
  }
}

async function verifySecret(deps: Deps, login: Login, record: ClientRecord | null): Promise<ClientRecord> {
  const { bcryptPool, rememberedPairs } = deps;
  const hash = record?.client_secret_hash;
  if (record === null || !isBcryptHash(hash)) {
    await bcryptPool.compareAbsent(login.clientKey);
    return refuse(deps, login, record === null ? 'unknown client' : 'client without a secret');
  }
  const equal = await bcryptPool.compare(login.clientKey, hash);
  // bcrypt ignores what is past 72 bytes, so a longer key could be right in its beginning only.
  if (!equal || truncates(login.clientKey)) return refuse(deps, login, 'wrong key');
  rememberedPairs.add(await renewHash(deps, login, hash), login.clientKey);
  return accept(deps, login, record);
}

/** Rewrites a hash of another cost than the configured one; the login stands even if that fails. */
async function renewHash(deps: Deps, { clientId, clientKey }: Login, hash: string): Promise<string> {
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

function accept(deps: Deps, { source }: Login, record: ClientRecord): ClientRecord {
  deps.securityLog({ event: 'login', outcome: 'accepted', actor: record.client_id, source });
  return record;
}

async function refuse(deps: Deps, login: Login, reason: string): Promise<never> {
  await deps.loginAttempts.fail(login.clientId, login.source);
  // The id of an unknown client may be a key in the wrong place, so it is not told.
  const known = reason !== 'unknown client' && reason !== 'wrong server-made key';
  deps.securityLog({
    event: 'login',
    outcome: 'refused',
    ...(known && { target: login.clientId }),
    source: login.source,
    reason,
  });
  throw new ApiError('login_failed', { reason });
}
