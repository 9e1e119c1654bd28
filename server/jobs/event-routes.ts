import type { DepsOf } from '../core/core.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { jobErrors } from '../job/errors.js';
import { getJobId } from '../job/get-job-id.js';
import { leaseErrors } from '../leases/errors.js';
import { holdJob } from '../leases/hold-job.js';
import { keepLate } from '../leases/keep-late.js';
import { presentDiscarded } from '../leases/present-discarded.js';
import { roleGroups } from '../principal/roles.js';
import { jobsErrors } from './errors.js';
import { eventsInput, forwardEvents, maskEvents } from './forward-events.js';

type RouteDeps = DepsOf<typeof holdJob> & DepsOf<typeof forwardEvents>;
const route = routesOf<RouteDeps>();

/** The route that forwards the events of jobs to a webhook. */
export const eventRoutes: readonly AnyRoute<RouteDeps>[] = [
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/events',
    family: 'v1',
    summary: 'Forward the events of a job to its webhook',
    description: "The response has the status and the text of the webhook's response.",
    access: { roles: roleGroups.agents },
    audit: { none: 'the job records it' },
    body: { mode: 'json', schema: eventsInput },
    answers: { 200: { description: "The text of the webhook's response.", content: 'text' } },
    errors: [
      jobErrors.idInvalid,
      leaseErrors.notHeld,
      jobErrors.notFound,
      jobsErrors.webhookNotConfigured,
      jobsErrors.webhookUrlRefused,
      jobsErrors.webhookTimeout,
      jobsErrors.webhookUnreachable,
      jobsErrors.webhookRefused,
    ],
    async handle(deps, request) {
      const jobId = getJobId(request);
      const hold = await holdJob(deps, request.principal, jobId, { writes: true });
      if (hold.isLost) {
        await keepLate(deps, hold, { kind: 'events', mask: (masker) => maskEvents(request.body, masker) });
        return presentDiscarded(deps, 'events', false);
      }
      const { status, text } = await forwardEvents(deps, hold.job, request.body);
      return { status, body: text, type: 'text/plain; charset=utf-8' };
    },
  }),
];
