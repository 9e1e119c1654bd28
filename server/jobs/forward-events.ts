import type { z } from 'zod';
import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { jobErrors } from '../job/errors.js';
import type { HeldJob } from '../job/held-job.js';
import { listOf, object, text, url } from '../schema/schema.js';
import { findMasker, maskFields } from '../scrubbing/mask-input.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { jobsErrors } from './errors.js';
import { sendToWebhook, type WebhookResponse } from './send-to-webhook.js';
import type { JobsServices } from './services.js';
import { readWebhookUrl } from './webhook-url.js';

/** The events that an agent reports of a job, and the webhook that the job's submitter named. */
export const eventsInput = object({
  agent_id: text().optional(),
  job_queue: text().optional(),
  job_status_webhook: url(),
  events: listOf(object({ event_name: text(), timestamp: text(), detail: text().optional() })).optional(),
});

/**
 * Forwards an agent's events to the webhook that the request names, with the job's secrets masked. The webhook must be on
 * the host of `WEBHOOK_URL`. Returns the webhook's response.
 * @throws ApiError for the first failure, in the order of the v1 contract, section 2
 */
export async function forwardEvents(
  deps: Core & Pick<ScrubbingServices, 'jobMasks'> & Pick<JobsServices, 'config'>,
  job: HeldJob | undefined,
  { job_status_webhook: named, ...events }: z.output<typeof eventsInput>,
): Promise<WebhookResponse> {
  if (job === undefined) throw new ApiError(jobErrors.notFound);
  const { webhookUrl } = deps.config;
  if (webhookUrl === undefined) throw new ApiError(jobsErrors.webhookNotConfigured);
  const webhook = readWebhookUrl(named, webhookUrl);
  if (webhook === undefined) throw new ApiError(jobsErrors.webhookUrlRefused);
  const response = await sendToWebhook(
    deps.config,
    webhook,
    maskEvents(events, await findMasker(deps, job, undefined)),
  );
  if (response.status === 401 || response.status === 403) throw new ApiError(jobsErrors.webhookRefused);
  return response;
}

type AgentEvents = Omit<z.output<typeof eventsInput>, 'job_status_webhook'>;

/** Masks the job's secrets in the texts of events. */
export function maskEvents({ events, ...rest }: AgentEvents, masker: TextMasker | undefined): AgentEvents {
  return {
    ...maskFields(rest, masker),
    ...(events && { events: events.map((event) => maskFields(event, masker)) }),
  };
}
