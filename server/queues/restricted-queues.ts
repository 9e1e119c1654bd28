import type { ObjectId } from 'mongodb';
import type { AuthServices } from '../auth/services.js';
import { clientErrors } from '../clients/errors.js';
import { ApiError } from '../errors/api-error.js';
import type { LeaseServices } from '../leases/services.js';
import { queueErrors } from './errors.js';
import type { QueueServices } from './services.js';

/** A restricted queue and the clients that may push to it. */
export interface RestrictedQueueOwners {
  queue: string;
  owners: string[];
}

/** Whether the queue accepts jobs only from its owners. Nearly always from memory, which may be one second old. */
export async function isRestricted(
  deps: Pick<QueueServices, 'findRestriction' | 'restrictionMemory'>,
  queue: string,
): Promise<boolean> {
  return deps.restrictionMemory.isRestricted(queue) ?? (await deps.findRestriction(queue)) !== undefined;
}

/** Finds the restricted queues among `queues` (default: all queues), by name, each with its owners' client ids. */
export async function findRestrictedQueues(
  deps: Pick<AuthServices, 'collections'> & Pick<QueueServices, 'collections'>,
  queues?: readonly string[],
): Promise<RestrictedQueueOwners[]> {
  if (queues?.length === 0) return [];
  const { restrictedQueues, clients } = deps.collections;
  const names = await restrictedQueues.distinct(
    'queue_name',
    queues ? { queue_name: { $in: [...queues] } } : {},
  );
  if (names.length === 0) return [];
  const holders = await clients
    .find({ allowed_queues: { $in: names } }, { projection: { client_id: 1, allowed_queues: 1 } })
    .sort({ client_id: 1 })
    .toArray();
  return names.sort().map((queue) => ({
    queue,
    owners: holders
      .filter((client) => client.allowed_queues?.includes(queue))
      .map((client) => client.client_id),
  }));
}

/** Gets a restricted queue with its owners. @throws ApiError 404 if the queue is not restricted */
export async function getRestrictedQueue(
  deps: Pick<AuthServices, 'collections'> & Pick<QueueServices, 'collections'>,
  queue: string,
): Promise<RestrictedQueueOwners> {
  const [found] = await findRestrictedQueues(deps, [queue]);
  if (found === undefined) throw new ApiError(queueErrors.restrictedNotFound);
  return found;
}

/**
 * Adds an owner to a queue, and restricts the queue.
 * @throws ApiError 400 no client id, 404 unknown client, 404 queue that no agent serves
 */
export async function addQueueOwner(
  deps: Pick<AuthServices, 'collections'> &
    Pick<LeaseServices, 'collections'> &
    Pick<QueueServices, 'collections' | 'restrictionMemory'>,
  queue: string,
  clientId: string | undefined,
): Promise<void> {
  const { clients, agents } = deps.collections;
  if (!clientId) throw new ApiError(queueErrors.clientMissing);
  if ((await clients.findOne({ client_id: clientId })) === null) throw new ApiError(clientErrors.notFound);
  if ((await agents.findOne({ queues: queue })) === null) throw new ApiError(queueErrors.withoutAgent);
  const { matchedCount } = await clients.updateOne(
    { client_id: clientId },
    { $addToSet: { allowed_queues: queue } },
  );
  if (matchedCount === 0) throw new ApiError(clientErrors.notFound);
  await restrict(deps, queue);
}

/**
 * Removes an owner of a queue. Removing the last owner lifts the restriction. If the queue has no owners any more, any
 * client id lifts it.
 * @throws ApiError 404 queue not restricted, 400 no client id, 404 client not an owner
 */
export async function removeQueueOwner(
  deps: Pick<AuthServices, 'collections'> & Pick<QueueServices, 'collections' | 'restrictionMemory'>,
  queue: string,
  clientId: string | undefined,
): Promise<void> {
  const { owners } = await getRestrictedQueue(deps, queue);
  if (!clientId) throw new ApiError(queueErrors.clientMissing);
  if (owners.length > 0 && !owners.includes(clientId)) throw new ApiError(clientErrors.notFound);
  const { clients, restrictedQueues } = deps.collections;
  await clients.updateOne({ client_id: clientId }, { $pull: { allowed_queues: queue } });
  const seenIds = await findRestrictionIds(deps, queue);
  if ((await clients.findOne({ allowed_queues: queue })) !== null) return;
  // An owner that was added in the meantime has a new restriction document, which must stay.
  await restrictedQueues.deleteMany({ _id: { $in: seenIds } });
  deps.restrictionMemory.remove(seenIds);
}

/**
 * Restricts a queue with a new document for each added owner. So a request that removes the last owner at the same time
 * deletes only the older documents.
 */
async function restrict(
  deps: Pick<QueueServices, 'collections' | 'restrictionMemory'>,
  queue: string,
): Promise<void> {
  const { restrictedQueues } = deps.collections;
  const earlierIds = await findRestrictionIds(deps, queue);
  const { insertedId } = await restrictedQueues.insertOne({ queue_name: queue });
  deps.restrictionMemory.add(insertedId, queue);
  await restrictedQueues.deleteMany({ _id: { $in: earlierIds } });
  deps.restrictionMemory.remove(earlierIds);
}

async function findRestrictionIds(
  { collections }: Pick<QueueServices, 'collections'>,
  queue: string,
): Promise<ObjectId[]> {
  const found = collections.restrictedQueues.find({ queue_name: queue }, { projection: { _id: 1 } });
  return (await found.toArray()).map(({ _id }) => _id);
}
