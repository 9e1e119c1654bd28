import { type AnyRoute, route } from '../http/route.js';
import { eventsInput, forwardEvents, maskEvents } from './forward-events.js';
import { holdJob } from '../leases/held-job.js';
import { keepLate } from '../leases/keep-late.js';
import { presentTaken } from '../leases/present-taken.js';
import { getJobId } from '../job/get-job-id.js';

/** The events of jobs, which go on to a webhook. */
export const eventRoutes: readonly AnyRoute[] = [
  route({
    method: 'POST',
    path: '/v1/job/{job_id}/events',
    family: 'v1',
    summary: 'Forwards the events of a job to its webhook',
    description: 'The status and the text of the webhook are the answer.',
    access: { roles: ['agent'] },
    body: { mode: 'json', schema: eventsInput },
    answers: { 200: { description: 'What the webhook answered.', content: 'text' } },
    errors: [
      'job_id_invalid',
      'job_not_held',
      'job_not_found',
      'webhook_not_configured',
      'webhook_url_refused',
      'webhook_timeout',
      'webhook_unreachable',
      'webhook_refused',
    ],
    async handle(deps, request) {
      const jobId = getJobId(request);
      const hold = await holdJob(deps, request, jobId, { writes: true });
      if (hold.isLost) {
        await keepLate(deps, hold, { kind: 'events', mask: (masker) => maskEvents(request.body, masker) });
        return presentTaken(deps, 'events', false);
      }
      const { status, text } = await forwardEvents(deps, hold.job, request.body);
      return { status, body: text, type: 'text/plain; charset=utf-8' };
    },
  }),
];
