import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import { isDuplicateKey } from '../db/classify-error.js';
import { ApiError } from '../errors/api-error.js';
import { filterMaking } from './end-client.js';
import { clientErrors } from './errors.js';
import { presentSecretsNamespace } from './secrets-namespace.js';
import type { ClientServices } from './services.js';
import { waitForNextSecond } from './wait-for-next-second.js';

/** Milliseconds for which the client id is kept from others: as long as the removal of an earlier client's data may take. */
const busyMs = 10 * 60_000;

type Needs = Core &
  Pick<AuthServices, 'collections'> &
  Pick<ClientServices, 'collections' | 'removeClientData'>;

/** The steps of making a client. */
interface Steps<T> {
  /** Returns whether the id is still free, or throws. Nobody else can take it between this and `make`. */
  isFree(): Promise<boolean>;
  make(): Promise<T>;
}

/**
 * Makes a client while nobody else makes or removes one of this id, after removing whatever an earlier client of the id left: the
 * record of a person can end without this server's code.
 * @returns `undefined` if the id is not free
 * @throws ApiError 409 while another request makes or removes a client of this id
 */
export async function makeAfresh<T>(
  deps: Needs,
  clientId: string,
  { isFree, make }: Steps<T>,
): Promise<T | undefined> {
  const { endingClients } = deps.collections;
  const namespace = presentSecretsNamespace(clientId);
  const busyUntil = new Date(deps.clock.now().getTime() + busyMs);
  try {
    // The same lock as that of a removal.
    await endingClients.insertOne({ _id: clientId, namespace, busy_until: busyUntil, making: true });
  } catch (error) {
    throw isDuplicateKey(error) ? new ApiError(clientErrors.stillEnding) : error;
  }
  try {
    if (!(await isFree())) return undefined;
    await deps.removeClientData(clientId);
    await waitForNextSecond(deps, clientId);
    return await make();
  } finally {
    await endingClients.deleteOne(filterMaking(clientId));
  }
}
