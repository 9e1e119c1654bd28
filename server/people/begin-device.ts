import { randomBytes } from 'node:crypto';
import type { Core } from '../core/core.js';
import { digestToken } from '../crypto/digest.js';
import { ApiError } from '../errors/api-error.js';
import type { SessionServices } from '../sessions/services.js';
import { peopleErrors } from './errors.js';
import { findEndpoint, sendProviderForm } from './provider-form.js';
import type { PeopleServices } from './services.js';

/** Seconds that a person has, and seconds between two polls, if the provider does not say. */
const defaultSeconds = 300;
const defaultInterval = 5;

/** What a person's record needs; nothing of the provider's API is called with these tokens. */
const scope = 'openid profile email';

/**
 * Begins a sign-in of a command line (RFC 8628 section 3.1).
 * @returns the provider's response with a request id in place of its device code
 * @throws ApiError as the spec's table of the device flow
 */
export async function beginDevice(
  deps: Core &
    Pick<PeopleServices, 'provider' | 'config' | 'collections'> &
    Pick<SessionServices, 'webSealer'>,
): Promise<Record<string, unknown>> {
  const configuration = await reachProvider(deps.provider.getConfiguration());
  const endpoint = findEndpoint(configuration, 'device_authorization_endpoint');
  if (endpoint === undefined) throw new ApiError(peopleErrors.deviceUnsupported);
  const { ok, body } = await reachProvider(sendProviderForm(deps, endpoint, { scope }));
  if (!ok) throw new ApiError(peopleErrors.deviceRejected);
  if (body === undefined) throw new ApiError(peopleErrors.deviceUnexpected);
  const { device_code: deviceCode, ...shown } = body;
  if (typeof deviceCode !== 'string' || deviceCode === '') throw new ApiError(peopleErrors.deviceCodeMissing);
  const requestId = randomBytes(32).toString('base64url');
  const seconds = readSeconds(shown.expires_in, defaultSeconds);
  await deps.collections.deviceCodes.insertOne({
    request_id: digestToken(requestId),
    iss: configuration.serverMetadata().issuer,
    device_code: deps.webSealer.seal(deviceCode, requestId),
    expires_at: new Date(deps.clock.now().getTime() + seconds * 1000),
    interval: readSeconds(shown.interval, defaultInterval),
  });
  return { ...shown, request_id: requestId };
}

/** @throws ApiError 502 if a request to the provider fails */
export async function reachProvider<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError(peopleErrors.providerUnreachable, { cause });
  }
}

function readSeconds(value: unknown, otherwise: number): number {
  return typeof value === 'number' && value > 0 && value <= 86_400 ? value : otherwise;
}
