import { z } from 'zod';
import { logClientEvent } from '../clients/log-client-event.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, route } from '../http/route.js';
import { object, text as textSchema } from '../http/schema.js';
import {
  addQueueOwner,
  findRestrictedQueues,
  getRestrictedQueue,
  removeQueueOwner,
} from './restricted-queues.js';

const restrictedQueue = z.strictObject({ queue: z.string(), owners: z.array(z.string()) });
// Required by the published schema; its absence is a 400 with a text of its own, so it is checked by the operation.
const ownerInput = object({ client_id: textSchema().optional() });
const readers = ['contributor', 'manager', 'admin'] as const;

/** Queues that take jobs from their owners only. */
export const queueRoutes: readonly AnyRoute[] = [
  route({
    method: 'GET',
    path: '/v1/restricted-queues',
    family: 'v1',
    summary: 'All restricted queues with their owners',
    access: { roles: readers },
    answers: { 200: { description: 'The queues.', content: z.array(restrictedQueue) } },
    async handle(deps) {
      return json(await findRestrictedQueues(deps));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'One restricted queue with its owners',
    access: { roles: readers },
    answers: { 200: { description: 'The queue.', content: restrictedQueue } },
    errors: ['restricted_queue_not_found'],
    async handle(deps, { params }) {
      return json(await getRestrictedQueue(deps, params.queue_name));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Adds an owner; the queue is restricted from then on',
    access: { roles: ['manager', 'admin'] },
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['restricted_client_missing', 'client_not_found', 'queue_without_agent'],
    async handle(deps, request) {
      const { params, body } = request;
      await addQueueOwner(deps, params.queue_name, body.client_id);
      logClientEvent(deps, request, 'restriction_changed', `${params.queue_name} + ${body.client_id}`);
      return text('OK');
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Removes an owner; the restriction ends with the last one',
    access: { roles: ['manager', 'admin'] },
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: ['restricted_queue_not_found', 'restricted_client_missing', 'client_not_found'],
    async handle(deps, request) {
      const { params, body } = request;
      await removeQueueOwner(deps, params.queue_name, body.client_id);
      logClientEvent(deps, request, 'restriction_changed', `${params.queue_name} - ${body.client_id}`);
      return text('OK');
    },
  }),
];
