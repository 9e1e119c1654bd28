import type { JobsServices } from './services.js';
import type { ScrubbingServices } from '../scrubbing/services.js';
import type { Core } from '../core/core.js';
import { jobErrors } from '../job/errors.js';
import { jobsErrors } from './errors.js';
import type { z } from 'zod';
import { ApiError } from '../errors/api-error.js';
import { listOf, object, text, url } from '../schema/schema.js';
import type { HeldJob } from '../job/held-job.js';
import { findMasker, maskFields } from '../scrubbing/mask-input.js';
import type { TextMasker } from '../scrubbing/text-masker.js';
import { sendToWebhook, type WebhookAnswer } from './send-to-webhook.js';
import { readWebhookUrl } from './webhook-url.js';

/** What an agent tells of a job, and where the job's submitter wants it told. */
export const eventsInput = object({
  agent_id: text().optional(),
  job_queue: text().optional(),
  job_status_webhook: url(),
  events: listOf(object({ event_name: text(), timestamp: text(), detail: text().optional() })).optional(),
});

/**
 * Forwards an agent's events, without the job's secrets, to the webhook that they name, which must be on the operator's
 * host, and gives its answer.
 * @throws ApiError of the first failure in the order of the v1 contract, section 2
 */
export async function forwardEvents(
  deps: Core & Pick<ScrubbingServices, 'jobMasks'> & Pick<JobsServices, 'config'>,
  job: HeldJob | undefined,
  { job_status_webhook: named, ...told }: z.output<typeof eventsInput>,
): Promise<WebhookAnswer> {
  if (job === undefined) throw new ApiError(jobErrors.notFound);
  const { webhookUrl } = deps.config;
  if (webhookUrl === undefined) throw new ApiError(jobsErrors.webhookNotConfigured);
  const webhook = readWebhookUrl(named, webhookUrl);
  if (webhook === undefined) throw new ApiError(jobsErrors.webhookUrlRefused);
  const answer = await sendToWebhook(
    deps.config,
    webhook,
    maskEvents(told, await findMasker(deps, job, undefined)),
  );
  if (answer.status === 401 || answer.status === 403) throw new ApiError(jobsErrors.webhookRefused);
  return answer;
}

type Told = Omit<z.output<typeof eventsInput>, 'job_status_webhook'>;

/** Events whose texts hold no secret. */
export function maskEvents({ events, ...told }: Told, masker: TextMasker | undefined): Told {
  return {
    ...maskFields(told, masker),
    ...(events && { events: events.map((event) => maskFields(event, masker)) }),
  };
}
