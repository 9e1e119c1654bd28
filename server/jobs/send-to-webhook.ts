import { type Dispatcher, EnvHttpProxyAgent, errors, request } from 'undici';
import type { CoreSettings } from '../core/core.js';
import { jobsErrors } from './errors.js';
import type { JobsSettings } from './settings.js';
import { ApiError } from '../errors/api-error.js';

/** What a webhook answered. */
export interface WebhookAnswer {
  status: number;
  /** The beginning of its text, where that is very long. */
  text: string;
}

/** Milliseconds that a webhook has for its whole answer. */
const timeoutMs = 3000;

/** Bytes of an answer that are read. */
const answerLimit = 64 * 1024;

type Settings = Pick<CoreSettings, 'httpProxy' | 'httpsProxy' | 'noProxy'> &
  Pick<JobsSettings, 'webhookAuth'>;

/**
 * Sends JSON to a webhook with PUT, once more when it cannot be reached, and gives its answer of any status; a
 * redirect is an answer too.
 * @throws ApiError 504 after 3 s, 502 when it is not reached
 */
export async function sendToWebhook(config: Settings, url: URL, body: unknown): Promise<WebhookAnswer> {
  const dispatcher = createDispatcher(config, url);
  try {
    return await attempt(config, dispatcher, url, body).catch((error: unknown) => {
      if (isTimeout(error)) throw error;
      return attempt(config, dispatcher, url, body);
    });
  } catch (cause) {
    throw new ApiError(isTimeout(cause) ? jobsErrors.webhookTimeout : jobsErrors.webhookUnreachable, {
      cause,
    });
  } finally {
    // Not awaited: a connection that hangs must not hold up the answer.
    void dispatcher.destroy().catch(() => undefined);
  }
}

async function attempt(
  { webhookAuth }: Settings,
  dispatcher: Dispatcher,
  url: URL,
  body: unknown,
): Promise<WebhookAnswer> {
  const answer = await request(url, {
    method: 'PUT',
    dispatcher,
    headers: {
      'content-type': 'application/json',
      ...(webhookAuth !== undefined && { authorization: `Bearer ${webhookAuth}` }),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: answer.statusCode, text: await readBeginning(answer.body) };
}

async function readBeginning(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    parts.push(part);
    length += part.length;
    if (length >= answerLimit) break;
  }
  return Buffer.concat(parts).subarray(0, answerLimit).toString('utf8');
}

/**
 * The way to the webhook, through the proxy of its scheme where the settings name one. Texts that are empty keep undici
 * from looking at the environment by itself.
 */
function createDispatcher({ httpProxy, httpsProxy, noProxy }: Settings, { protocol }: URL): Dispatcher {
  const proxy = presentProxy(protocol === 'https:' ? httpsProxy : httpProxy);
  return new EnvHttpProxyAgent({
    httpProxy: proxy,
    httpsProxy: proxy,
    noProxy: noProxy ?? '',
    // Proxies commonly refuse a tunnel to a port of plain http.
    proxyTunnel: false,
  });
}

/** `proxy.example:3128` means http, as with other programs. */
function presentProxy(proxy: string | undefined): string {
  return !proxy || proxy.includes('://') ? (proxy ?? '') : `http://${proxy}`;
}

function isTimeout(error: unknown): boolean {
  return (
    (error instanceof Error && error.name === 'TimeoutError') ||
    error instanceof errors.ConnectTimeoutError ||
    error instanceof errors.HeadersTimeoutError ||
    error instanceof errors.BodyTimeoutError
  );
}
