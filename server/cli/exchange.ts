import { setTimeout as wait } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { ApiResponse } from './api-response.js';
import { explainNoResponse } from './explain-response.js';
import type { Connection } from './find-connection.js';

const timeLimitMs = 30_000;
/** Maximum number of retries after a 503. */
const maxRetries = 3;
const maxWaitSeconds = 10;

/** An HTTP request; `body` is sent as JSON. */
interface OutgoingRequest {
  method: Dispatcher.HttpMethod;
  path: string;
  headers: Record<string, string>;
  body?: object | undefined;
}

/**
 * Sends a request and returns the response. After a 503, it waits as long as `Retry-After` says, at most 10 s, and
 * retries, at most three times.
 * @throws CliError if there is no response within 30 s
 */
export async function exchange(connection: Connection, request: OutgoingRequest): Promise<ApiResponse> {
  for (let attempt = 0; ; attempt += 1) {
    const response = await exchangeOnce(connection, request);
    if (response.status !== 503 || attempt === maxRetries) return response;
    const seconds = Number(response.headers['retry-after'] ?? 1);
    await wait(Math.min(Number.isFinite(seconds) ? seconds : 1, maxWaitSeconds) * 1000);
  }
}

async function exchangeOnce(connection: Connection, outgoing: OutgoingRequest): Promise<ApiResponse> {
  const { origin, basePath, socketPath } = connection.server;
  const { method, path, headers, body } = outgoing;
  // Imported here, because `queuepass --help` starts twice as fast without undici.
  const { Agent, request } = await import('undici');
  try {
    const response = await request(origin + basePath + path, {
      method,
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      body: body ? JSON.stringify(body) : null,
      signal: AbortSignal.timeout(timeLimitMs),
      ...(socketPath !== undefined && { dispatcher: new Agent({ connect: { socketPath } }) }),
    });
    return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
  } catch (error) {
    throw explainNoResponse(error as Error, connection, timeLimitMs / 1000);
  }
}
