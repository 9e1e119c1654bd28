import type { Core } from '../core/core.js';
import { sha256 } from '../crypto/digest.js';
import { ApiError, isApiError } from '../errors/api-error.js';
import { type ClientCredentials, presentCountedId } from './basic-credentials.js';
import { isBcryptHash, readCost } from './bcrypt-pool.js';
import { matchesDigest, readServerKey, type ServerKey } from './client-key-format.js';
import type { ClientKey, TokenOrigin } from './collections.js';
import { countBusyLogin } from './count-token-outcomes.js';
import { authErrors } from './errors.js';
import type { FoundClient } from './find-clients.js';
import type { LoginOrigin } from './login-prefixes.js';
import type { AuthServices } from './services.js';

/** A login as sent: client id, client key and the caller's address. */
export interface Login extends ClientCredentials {
  source: string;
  /** The id and key form-decoded, which are tried if they fail as sent. */
  decoded?: ClientCredentials | undefined;
  /** Refuses, by an error, a client that has proved who it is, before its login counts as accepted. */
  checkClient?: (record: FoundClient) => void;
}

/** A client that has proved who it is. */
export interface VerifiedClient {
  record: FoundClient;
  /** The key made by the server that it sent; absent if it sent its secret. */
  key?: ClientKey;
  /** What a refresh token of this login ends with. */
  origin: TokenOrigin;
}

/** One reading of a login's id and key, with what the database has for it. */
interface Candidate extends ClientCredentials {
  /** The key has the form of keys made by the server, so it needs no slow hash. */
  isServerKey: boolean;
  record: FoundClient | undefined;
  /** The key made by the server, if it is one of the client's. */
  key: ClientKey | undefined;
  /** The bcrypt hash of the client's secret. */
  hash: string | undefined;
  /** The id and key are right, no compare is needed to know it, and the client is not disabled. */
  isVerified: boolean;
}

type VerifyDeps = Core &
  Pick<
    AuthServices,
    | 'bcryptPool'
    | 'collections'
    | 'findClient'
    | 'findClientKey'
    | 'findDearestCost'
    | 'loginAttempts'
    | 'loginPrefixes'
    | 'metrics'
    | 'secretRehashed'
    | 'verifiedSecrets'
  >;

/**
 * Returns the client that a client id and key belong to. The record is read each time, so that a changed key takes effect
 * at once. A secret that bcrypt verified in the last 5 minutes needs no hash, and a key made by the server never does.
 * All failures have the same response, after one compare for each reading of the text, whatever the database has; the
 * security log has the reason. A right key of a disabled client fails as a wrong one does, in the same time.
 * @throws ApiError 401 `login_failed`, 429 after too many failures, 503 when too many logins wait for a hash
 */
export async function verifyClient(deps: VerifyDeps, login: Login): Promise<VerifiedClient> {
  let readings = listReadings(login);
  for (;;) {
    // Read again after a compare, which can take seconds, so that the current record counts.
    const reads = readings.map((reading) => readCandidate(deps, reading));
    const candidates = reads.length === 1 ? [(await reads[0]) as Candidate] : await Promise.all(reads);
    const { record, key, hash = '' } = findVerified(candidates) ?? {};
    if (record === undefined) {
      const wrong = await limitAttempts(deps, login, () => compareInTurn(deps, login, candidates));
      readings = readings.slice(wrong);
      continue;
    }
    login.checkClient?.(record);
    const storing = deps.loginPrefixes.note({ clientId: record.client_id, source: login.source });
    if (storing !== undefined) await storing;
    const { client_id: actor } = record;
    const { source } = login;
    await deps.audit({ event: 'login', outcome: 'accepted', actor, source, key_id: key?.key_id ?? 'secret' });
    if (key === undefined) return { record, origin: { hash_sha256: sha256(hash, 'hex') } };
    return { record, key, origin: { key_id: key.key_id } };
  }
}

function listReadings({ clientId, clientKey, decoded }: Login): ClientCredentials[] {
  const asSent = { clientId, clientKey };
  return decoded === undefined ? [asSent] : [asSent, decoded];
}

async function readCandidate(
  deps: VerifyDeps,
  { clientId, clientKey }: ClientCredentials,
): Promise<Candidate> {
  const serverKey = readServerKey(clientKey);
  if (serverKey !== undefined) {
    const verified = await verifyServerKey(deps, clientId, serverKey);
    const isVerified = verified !== undefined && verified.record.disabled !== true;
    const { record, key } = verified ?? {};
    return { clientId, clientKey, record, key, isServerKey: true, hash: undefined, isVerified };
  }
  const record = await deps.findClient(clientId);
  const stored = record?.client_secret_hash;
  const hash = isBcryptHash(stored) ? stored : undefined;
  // The right secret of a disabled client is compared too: without the compare, its time would show that it is right.
  const isVerified =
    hash !== undefined && record?.disabled !== true && deps.verifiedSecrets.has(hash, clientKey);
  return { clientId, clientKey, record, key: undefined, isServerKey: false, hash, isVerified };
}

/** Returns the first reading that is known to be right, unless an earlier one of another client could be right too. */
function findVerified(candidates: readonly Candidate[]): Candidate | undefined {
  for (const candidate of candidates) {
    if (candidate.isVerified) return candidate;
    const last = candidates.at(-1) as Candidate;
    if (candidate.hash !== undefined && candidate.clientId !== last.clientId) return undefined;
  }
  return undefined;
}

/**
 * Returns the client and its key if the key made by the server is one of `clientId`'s and has not expired or been
 * removed, else `undefined`. The key and the client's record are read at the same time.
 */
async function verifyServerKey(
  deps: Core & Pick<AuthServices, 'collections' | 'findClient' | 'findClientKey'>,
  clientId: string,
  { keyId, secret }: ServerKey,
): Promise<Pick<VerifiedClient, 'record' | 'key'> | undefined> {
  const [found, record] = await Promise.all([deps.findClientKey(keyId), deps.findClient(clientId)]);
  if (!found || !record || !matchesDigest(secret, found.secret_sha256) || found.client_id !== clientId)
    return undefined;
  const now = deps.clock.now();
  if (found.expires_at !== undefined && found.expires_at <= now) return undefined;
  // A refused login is no use, and the write would show that the key is right.
  if (record.disabled !== true) await recordUse(deps, found, now.toISOString().slice(0, 10));
  return { record, key: found };
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

/** Runs a login that can fail, unless too many have failed before; logs and counts such refusals. */
async function limitAttempts<T>(
  deps: Core & Pick<AuthServices, 'collections' | 'loginAttempts' | 'metrics'>,
  login: Login,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await deps.loginAttempts.runCounted(presentOrigin(login), run);
  } catch (error) {
    if (isApiError(error, authErrors.tooManyAttempts)) {
      await logRefusal(deps, login, 'too many attempts');
    }
    if (isApiError(error, authErrors.busy)) countBusyLogin(deps.metrics);
    throw error;
  }
}

/**
 * Compares each reading that is a secret, in order, until one is right, and caches that one. A reading whose client or
 * hash does not exist takes a compare too, and each takes the time of the dearest hash, so the text alone decides how long
 * a failed login takes.
 * @returns how many readings before the right one are wrong
 */
async function compareInTurn(
  deps: VerifyDeps,
  login: Login,
  candidates: readonly Candidate[],
): Promise<number> {
  const { bcryptPool, verifiedSecrets } = deps;
  const dearest = await deps.findDearestCost();
  let isRightButDisabled = candidates.some(({ key, isVerified }) => key !== undefined && !isVerified);
  for (const [
    wrong,
    { clientId, clientKey, isServerKey, record, hash, isVerified },
  ] of candidates.entries()) {
    if (isVerified) return wrong;
    if (isServerKey) continue;
    if ((await bcryptPool.compare(clientKey, hash, dearest)) && hash !== undefined) {
      if (record?.disabled === true) {
        isRightButDisabled = true;
        continue;
      }
      verifiedSecrets.add(await renewHash(deps, { clientId, clientKey }, hash), clientKey);
      return wrong;
    }
  }
  return rejectLogin(deps, login, isRightButDisabled ? 'client disabled' : presentReason(candidates));
}

/** Returns why a login failed: by the last reading whose client exists. */
function presentReason(candidates: readonly Candidate[]): string {
  if (candidates.some(({ isServerKey }) => isServerKey)) return 'wrong server-made key';
  const known = candidates.findLast(({ record }) => record !== undefined);
  if (known === undefined) return 'unknown client';
  return known.hash === undefined ? 'client without a secret' : 'wrong key';
}

/** Replaces a hash whose cost is not the configured one; a failure does not fail the login. */
async function renewHash(
  deps: Core & Pick<AuthServices, 'bcryptPool' | 'collections' | 'secretRehashed'>,
  { clientId, clientKey }: ClientCredentials,
  hash: string,
): Promise<string> {
  if (readCost(hash) === deps.bcryptPool.cost) return hash;
  try {
    const renewed = await deps.bcryptPool.hash(clientKey);
    const { modifiedCount } = await deps.collections.clients.updateOne(
      { client_id: clientId, client_secret_hash: hash },
      { $set: { client_secret_hash: renewed } },
    );
    if (modifiedCount === 0) return hash;
    await deps.secretRehashed(clientId, { before: sha256(hash, 'hex'), after: sha256(renewed, 'hex') });
    return renewed;
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
  await deps.loginAttempts.countFailure(presentOrigin(login));
  await logRefusal(deps, login, reason);
  throw new ApiError(authErrors.loginFailed, { reason });
}

/** Returns what a login is counted by: one id, whichever way the client is named, and the ids that it may be. */
function presentOrigin(login: Login): LoginOrigin {
  const ids = listReadings(login).map(({ clientId }) => clientId);
  return { clientId: presentCountedId(login.clientId), readings: ids, source: login.source };
}

/** Logs a refused login; it names only existing clients, since an unknown id may be a key in the wrong field. */
async function logRefusal(
  deps: Core & Pick<AuthServices, 'collections'>,
  login: Login,
  reason: string,
): Promise<void> {
  const ids = listReadings(login).map(({ clientId }) => clientId);
  const filter = { client_id: { $in: ids } };
  const known = await deps.collections.clients.find(filter, { projection: { client_id: 1 } }).toArray();
  const target = ids.find((id) => known.some(({ client_id }) => client_id === id));
  const named = target === undefined ? {} : { target };
  await deps.audit({ event: 'login', outcome: 'refused', ...named, source: login.source, reason });
}
