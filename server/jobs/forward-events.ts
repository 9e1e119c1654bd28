import type { z } from 'zod';
import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import { listOf, object, text, url } from '../schema/schema.js';
import type { HeldJob } from '../leases/held-job.js';
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
  deps: Deps,
  job: HeldJob | undefined,
  { job_status_webhook: named, ...told }: z.output<typeof eventsInput>,
): Promise<WebhookAnswer> {
  if (job === undefined) throw new ApiError('job_not_found');
  const { webhookUrl } = deps.config;
  if (webhookUrl === undefined) throw new ApiError('webhook_not_configured');
  const webhook = readWebhookUrl(named, webhookUrl);
  if (webhook === undefined) throw new ApiError('webhook_url_refused');
  const answer = await sendToWebhook(
    deps.config,
    webhook,
    maskEvents(told, await findMasker(deps, job, undefined)),
  );
  if (answer.status === 401 || answer.status === 403) throw new ApiError('webhook_refused');
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
