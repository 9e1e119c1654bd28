import type { Filter, UpdateFilter } from 'mongodb';
import type { AuthServices } from '../auth/services.js';
import type { Core } from '../core/core.js';
import type { Duty } from '../core/duty.js';
import type { EndingClient } from './collections.js';
import { presentSecretsNamespace } from './secrets-namespace.js';
import type { ClientServices } from './services.js';

/** Milliseconds between two runs of the duty. */
const everyMs = 30_000;

/** Milliseconds that one process has for the data of one client. */
const busyMs = 10 * 60_000;

type EndDeps = Core &
  Pick<ClientServices, 'collections' | 'removeClientData'> &
  Pick<AuthServices, 'collections'>;

/**
 * Removes a client's record, and then its data in all areas. If that fails, for example because Vault does not answer, the
 * client is gone all the same: `endingDuty` removes the data later, and until then no client can have its id.
 */
export async function endClient(deps: EndDeps, clientId: string): Promise<void> {
  const { endingClients } = deps.collections;
  const update: UpdateFilter<EndingClient> = {
    $set: { namespace: presentSecretsNamespace(clientId), busy_until: busyUntil(deps.clock.now()) },
    $unset: { making: true },
  };
  // Before the record: if this process is killed in between, a later run removes what is left of the client.
  await endingClients.updateOne({ _id: clientId }, update, { upsert: true });
  await removeRecordAndData(deps, clientId);
}

/** Removes the data of removed clients that are left over. */
export const endingDuty: Duty<EndDeps> = {
  name: 'end_clients',
  everyMs,
  async run(deps, now) {
    const { endingClients } = deps.collections;
    const left = { $or: [{ busy_until: { $exists: false } }, { busy_until: { $lte: now } }] };
    for (const { _id: clientId, making } of await endingClients.find(left).toArray()) {
      const filter = { _id: clientId, ...left };
      const taken = await endingClients.updateOne(filter, { $set: { busy_until: busyUntil(now) } });
      if (taken.modifiedCount === 0) continue;
      // The process that made the record ended before it could remove its lock: the client stays.
      if (making && (await deps.collections.clients.countDocuments({ client_id: clientId })) > 0) {
        await endingClients.deleteOne(filterMaking(clientId));
        continue;
      }
      await removeRecordAndData(deps, clientId);
    }
  },
};

async function removeRecordAndData(deps: EndDeps, clientId: string): Promise<void> {
  const { clients, endingClients, removedClients } = deps.collections;
  // Before the record is gone: without both, a token of the client would keep its role.
  const removed = { $set: { removed_at: deps.clock.now() } };
  await removedClients.updateOne({ client_id: clientId }, removed, { upsert: true });
  await clients.deleteOne({ client_id: clientId });
  try {
    await deps.removeClientData(clientId);
    await endingClients.deleteOne({ _id: clientId });
  } catch (error) {
    deps.log.warn(
      { err: error, client_id: clientId },
      'could not remove all data of a removed client: its id cannot be used again until this succeeds',
    );
    await endingClients.updateOne({ _id: clientId }, { $unset: { busy_until: true } }).catch(() => undefined);
  }
}

/** Returns the filter of the lock under which a client's record is made, which is not the lock of a removal. */
export function filterMaking(clientId: string): Filter<EndingClient> {
  return { _id: clientId, making: true };
}

function busyUntil(now: Date): Date {
  return new Date(now.getTime() + busyMs);
}
