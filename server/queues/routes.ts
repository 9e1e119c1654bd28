import type { ClaimServices } from '../claims/services.js';
import type { JobServices } from '../job/services.js';
import type { Core, DepsOf } from '../core/core.js';
import { roleGroups } from '../principal/roles.js';
import { clientErrors } from '../clients/errors.js';
import { queueErrors } from './errors.js';
import { z } from 'zod';
import { auditChange } from '../clients/audit-client-change.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { listOf, object, openObject, text as textSchema } from '../schema/schema.js';
import { listQueueAgents } from './list-queue-agents.js';
import { listQueueJobs } from './list-queue-jobs.js';
import { readWaitTimes } from './read-wait-times.js';
import {
  addQueueOwner,
  findRestrictedQueues,
  getRestrictedQueue,
  removeQueueOwner,
} from './restricted-queues.js';

type RouteDeps = Core &
  Pick<JobServices, 'collections'> &
  Pick<ClaimServices, 'collections'> &
  DepsOf<typeof addQueueOwner>;
const route = routesOf<RouteDeps>();

const restrictedQueue = z.strictObject({ queue: z.string(), owners: z.array(z.string()) });
// Required by the published schema; its absence is a 400 with a text of its own, so it is checked by the operation.
const ownerInput = object({ client_id: textSchema().optional() });
const readers = ['contributor', 'manager', 'admin'] as const;

const queueAgent = z.strictObject({
  name: z.string(),
  state: z.string().optional(),
  queues: z.array(z.string()).optional(),
  location: z.string().optional(),
  provision_type: z.string().optional(),
  job_id: z.string().optional(),
  comment: z.string().optional(),
});
const queueJob = z.strictObject({
  job_id: z.string(),
  created_at: z.string(),
  job_state: z.string(),
  job_queue: z.string(),
});

/** Queues: who serves them, what is in them, how long jobs wait; and those that take jobs from their owners only. */
export const queueRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/queues/wait_times',
    family: 'v1',
    summary: 'How long jobs waited, by queue',
    description: 'Percentiles in seconds of the newest 1,000 waits of each queue, of those named or of all.',
    access: { roles: readers },
    query: openObject({ queue: listOf(textSchema()).optional() }),
    repeated: ['queue'],
    answers: {
      200: {
        description: 'The percentiles 5, 10, 50, 90 and 95 of each queue that has samples.',
        content: z.record(z.string(), z.record(z.string(), z.number())),
      },
    },
    async handle(deps, { query }) {
      return json(await readWaitTimes(deps, query.queue));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/queues/{queue_name}/agents',
    family: 'v1',
    summary: 'The agents that serve a queue',
    access: { roles: readers },
    answers: { 200: { description: 'The agents, by name.', content: z.array(queueAgent) } },
    errors: [queueErrors.notFound],
    async handle(deps, { params }) {
      return json(await listQueueAgents(deps, params.queue_name));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/queues/{queue_name}/jobs',
    family: 'v1',
    summary: 'The jobs of a queue with their states',
    access: { roles: readers },
    answers: {
      200: { description: 'The jobs, oldest first.', content: z.array(queueJob) },
      204: { description: 'The queue has no jobs.', content: 'none' },
    },
    async handle(deps, { params }) {
      return listQueueJobs(deps, params.queue_name);
    },
  }),
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
    errors: [queueErrors.restrictedNotFound],
    async handle(deps, { params }) {
      return json(await getRestrictedQueue(deps, params.queue_name));
    },
  }),
  route({
    method: 'POST',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Adds an owner; the queue is restricted from then on',
    access: { roles: roleGroups.managers },
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [queueErrors.clientMissing, clientErrors.notFound, queueErrors.withoutAgent],
    async handle(deps, request) {
      const { params, body } = request;
      await addQueueOwner(deps, params.queue_name, body.client_id);
      auditChange(deps, request.principal, 'restriction_changed', `${params.queue_name} + ${body.client_id}`);
      return text('OK');
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Removes an owner; the restriction ends with the last one',
    access: { roles: roleGroups.managers },
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [queueErrors.restrictedNotFound, queueErrors.clientMissing, clientErrors.notFound],
    async handle(deps, request) {
      const { params, body } = request;
      await removeQueueOwner(deps, params.queue_name, body.client_id);
      auditChange(deps, request.principal, 'restriction_changed', `${params.queue_name} - ${body.client_id}`);
      return text('OK');
    },
  }),
];
