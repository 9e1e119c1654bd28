import { type Dispatcher, request } from 'undici';
import type { CoreSettings } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { createOutboundDispatcher, isTimeout } from '../http/outbound.js';
import { jobsErrors } from './errors.js';
import type { JobsSettings } from './settings.js';

/** A webhook's response. */
export interface WebhookResponse {
  status: number;
  /** Its text; only the first 64 KiB of a longer one. */
  text: string;
}

/** Milliseconds that a webhook has for its whole response. */
const timeoutMs = 3000;

/** Maximum number of bytes that are read of a response. */
const maxResponseBytes = 64 * 1024;

type Settings = Pick<CoreSettings, 'httpProxy' | 'httpsProxy' | 'noProxy'> &
  Pick<JobsSettings, 'webhookAuth'>;

/**
 * Sends JSON to a webhook with PUT, with one retry if the webhook is unreachable. Returns its response, whatever the
 * status; redirects are not followed.
 * @throws ApiError 504 if a request takes more than 3 s, 502 if the webhook is unreachable
 */
export async function sendToWebhook(config: Settings, url: URL, body: unknown): Promise<WebhookResponse> {
  const dispatcher = createOutboundDispatcher(config);
  try {
    return await sendOnce(config, dispatcher, url, body).catch((error: unknown) => {
      if (isTimeout(error)) throw error;
      return sendOnce(config, dispatcher, url, body);
    });
  } catch (cause) {
    throw new ApiError(isTimeout(cause) ? jobsErrors.webhookTimeout : jobsErrors.webhookUnreachable, {
      cause,
    });
  } finally {
    // Not awaited: a connection that hangs must not delay the response.
    void dispatcher.destroy().catch(() => undefined);
  }
}

async function sendOnce(
  { webhookAuth }: Settings,
  dispatcher: Dispatcher,
  url: URL,
  body: unknown,
): Promise<WebhookResponse> {
  const response = await request(url, {
    method: 'PUT',
    dispatcher,
    headers: {
      'content-type': 'application/json',
      ...(webhookAuth !== undefined && { authorization: `Bearer ${webhookAuth}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.statusCode, text: await readBeginning(response.body) };
}

async function readBeginning(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length >= maxResponseBytes) break;
  }
  return Buffer.concat(parts).subarray(0, maxResponseBytes).toString('utf8');
}
