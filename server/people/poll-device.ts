import { Binary, type WithId } from 'mongodb';
import type { Core } from '../core/core.js';
import { digestToken, isTokenDigest } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { SessionServices } from '../sessions/services.js';
import { reachProvider } from './begin-device.js';
import type { DeviceCode } from './collections.js';
import { peopleErrors } from './errors.js';
import { findEndpoint, sendProviderForm } from './provider-form.js';
import type { PeopleServices } from './services.js';

/** Seconds between two polls of a record that does not say (RFC 8628 section 3.2), and what `slow_down` adds. */
const defaultInterval = 5;
const slowerBy = 5;

/** A stock client polls at the exact interval: this many milliseconds before it, a poll is not yet too early. */
const earlyMs = 1000;

/** Milliseconds that one process has to ask the provider. */
const pollingMs = 10_000;

type Needs = Core &
  Pick<PeopleServices, 'provider' | 'config' | 'collections'> &
  Pick<SessionServices, 'webSealer'>;

/**
 * Asks the provider once whether a person has approved a command line. The request ends with the provider's yes or no.
 * @returns the provider's access token
 * @throws ApiError 400 with OAuth's error while there is no yes, and as the spec's table of the device flow
 */
export async function pollDevice(deps: Needs, requestId: string): Promise<string> {
  const found = await takeTurn(deps, requestId);
  const { deviceCodes } = deps.collections;
  const deviceCode = openCode(deps, found, requestId);
  const endTurn = (change: Partial<DeviceCode> = {}) =>
    deviceCodes.updateOne({ _id: found._id }, { $unset: { polling_until: true }, $set: change });
  const { ok, body } = await askProvider(deps, deviceCode).catch(async (error: unknown) => {
    await endTurn();
    throw error;
  });
  const { access_token: token, error } = body ?? {};
  if (ok && typeof token === 'string' && token !== '') {
    // A request is worth one success, however many polls are under way.
    const { deletedCount } = await deviceCodes.deleteOne({ _id: found._id });
    if (deletedCount === 0) throw new ApiError(peopleErrors.requestIdInvalid);
    return token;
  }
  if (error === 'authorization_pending' || error === 'slow_down') {
    await endTurn(error === 'slow_down' ? { interval: readInterval(found) + slowerBy } : {});
    throw error === 'slow_down' ? slowDown() : pending();
  }
  if (typeof error !== 'string' || !/^[a-z_]{1,64}$/.test(error)) {
    // Neither a yes nor a no, such as the page of a proxy: the person can still approve.
    await endTurn();
    throw new ApiError(peopleErrors.deviceUnexpected);
  }
  await deviceCodes.deleteOne({ _id: found._id });
  throw new ApiError(peopleErrors.deviceRefused, { detail: { error } });
}

/** Takes the turn to ask the provider. @throws ApiError 400 for an unknown request, an early poll, and while another poll asks */
async function takeTurn(
  { clock, collections, provider }: Needs,
  requestId: string,
): Promise<WithId<DeviceCode>> {
  const now = clock.now();
  const filter = filterByRequestId(requestId);
  const found = await collections.deviceCodes.findOne(filter);
  if (found === null || (found.expires_at instanceof Date && found.expires_at <= now))
    throw new ApiError(peopleErrors.requestIdInvalid);
  if (found.iss !== undefined && !provider.isIssuer(found.iss))
    throw new ApiError(peopleErrors.requestIdInvalid, { reason: 'begun at another provider' });
  const { _id, polled_at: polledAt, polling_until: pollingUntil } = found;
  if (pollingUntil !== undefined && pollingUntil > now) throw pending();
  const sincePolled = polledAt === undefined ? Number.POSITIVE_INFINITY : now.getTime() - polledAt.getTime();
  if (sincePolled < readInterval(found) * 1000 - earlyMs) throw slowDown();
  // The record as it was read: another poll may have had its whole turn since.
  const unchanged = {
    polled_at: polledAt ?? { $exists: false },
    polling_until: pollingUntil ?? { $exists: false },
  };
  const turn = { polled_at: now, polling_until: new Date(now.getTime() + pollingMs) };
  const taken = await collections.deviceCodes.updateOne({ _id, ...unchanged }, { $set: turn });
  if (taken.modifiedCount === 0) throw pending();
  return found;
}

function readInterval({ interval }: DeviceCode): number {
  return typeof interval === 'number' && interval > 0 ? interval : defaultInterval;
}

/** A digest is not accepted as an id: reading the database must not allow a sign-in. */
function filterByRequestId(requestId: string): { request_id: string | { $in: string[] } } {
  const digest = digestToken(requestId);
  return { request_id: isTokenDigest(requestId) ? digest : { $in: [digest, requestId] } };
}

function openCode({ webSealer }: Needs, { device_code: stored }: DeviceCode, requestId: string): string {
  if (typeof stored === 'string') return stored;
  const code = stored instanceof Binary ? webSealer.open(stored, requestId) : undefined;
  if (code === undefined)
    throw new ApiError(peopleErrors.requestIdInvalid, { reason: 'sealed with another key' });
  return code;
}

async function askProvider(deps: Needs, deviceCode: string): ReturnType<typeof sendProviderForm> {
  const configuration = await reachProvider(deps.provider.getConfiguration());
  const endpoint = findEndpoint(configuration, 'token_endpoint');
  if (endpoint === undefined) throw new ApiError(peopleErrors.tokenEndpointMissing);
  const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: deviceCode };
  return reachProvider(sendProviderForm(deps, endpoint, form));
}

function pending(): ApiError {
  return new ApiError(peopleErrors.authorizationPending, { detail: { error: 'authorization_pending' } });
}

function slowDown(): ApiError {
  const headers = { 'Retry-After': '5' };
  return new ApiError(peopleErrors.slowDown, { detail: { error: 'slow_down' }, headers });
}
