import { z } from 'zod';
import { auditChange } from '../audit/audit-change.js';
import type { ClaimServices } from '../claims/services.js';
import { clientErrors } from '../clients/errors.js';
import type { Core, DepsOf } from '../core/core.js';
import { json, text } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import type { JobServices } from '../job/services.js';
import { roleGroups } from '../principal/roles.js';
import { listOf, object, openObject, text as textSchema } from '../schema/schema.js';
import { queueErrors } from './errors.js';
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
// Required by the published schema. The operation checks it, because the error for a missing one is a special 400.
const ownerInput = object({ client_id: textSchema().optional() });

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

/** The routes of queues: their agents, jobs and wait times, and the restricted queues. */
export const queueRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'GET',
    path: '/v1/queues/wait_times',
    family: 'v1',
    summary: 'Get wait times by queue',
    description:
      "Percentiles, in seconds, of each queue's newest 1,000 wait times. Without the query parameter, all queues are returned.",
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    query: openObject({ queue: listOf(textSchema()).optional() }),
    repeated: ['queue'],
    answers: {
      200: {
        description: 'The 5th, 10th, 50th, 90th and 95th percentiles of each queue that has samples.',
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
    summary: 'List the agents that serve a queue',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
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
    summary: 'List the jobs of a queue with their states',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    answers: {
      200: { description: 'The jobs, in the order of their first submission.', content: z.array(queueJob) },
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
    summary: 'List the restricted queues with their owners',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
    answers: { 200: { description: 'The queues.', content: z.array(restrictedQueue) } },
    async handle(deps) {
      return json(await findRestrictedQueues(deps));
    },
  }),
  route({
    method: 'GET',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Get a restricted queue with its owners',
    access: { roles: roleGroups.submitters },
    audit: { none: 'a read changes nothing' },
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
    summary: 'Add an owner to a queue, and restrict it',
    access: { roles: roleGroups.managers },
    audit: ['restriction_changed'],
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [queueErrors.clientMissing, clientErrors.notFound, queueErrors.withoutAgent],
    async handle(deps, request) {
      const { params, body } = request;
      await addQueueOwner(deps, params.queue_name, body.client_id);
      await auditChange(
        deps,
        request.principal,
        'restriction_changed',
        `${params.queue_name} + ${body.client_id}`,
        { subject: params.queue_name, detail: { owner: body.client_id, change: 'added' } },
      );
      return text('OK');
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/restricted-queues/{queue_name}',
    family: 'v1',
    summary: 'Remove an owner; removing the last one lifts the restriction',
    access: { roles: roleGroups.managers },
    audit: ['restriction_changed'],
    body: { mode: 'json', schema: ownerInput },
    answers: { 200: { description: '`OK`', content: 'text' } },
    errors: [queueErrors.restrictedNotFound, queueErrors.clientMissing, clientErrors.notFound],
    async handle(deps, request) {
      const { params, body } = request;
      await removeQueueOwner(deps, params.queue_name, body.client_id);
      await auditChange(
        deps,
        request.principal,
        'restriction_changed',
        `${params.queue_name} - ${body.client_id}`,
        { subject: params.queue_name, detail: { owner: body.client_id, change: 'removed' } },
      );
      return text('OK');
    },
  }),
];
