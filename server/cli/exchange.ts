import { setTimeout as wait } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Answer } from './answer.js';
import { explainNoAnswer } from './explain-answer.js';
import type { Connection } from './find-connection.js';

const timeLimitMs = 30_000;
/** Further tries after a 503. */
const retries = 3;
const longestWaitSeconds = 10;

/** A request as it goes out; its body is sent as JSON. */
interface OutgoingRequest {
  method: Dispatcher.HttpMethod;
  path: string;
  headers: Record<string, string>;
  body?: object | undefined;
}

/**
 * Sends a request; an answer 503 is waited out as its `Retry-After` says, three times at most.
 * @throws CliError when there is no answer within 30 s.
 */
export async function exchange(connection: Connection, request: OutgoingRequest): Promise<Answer> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await exchangeOnce(connection, request);
    if (answer.status !== 503 || attempt === retries) return answer;
    const seconds = Number(answer.headers['retry-after'] ?? 1);
    await wait(Math.min(Number.isFinite(seconds) ? seconds : 1, longestWaitSeconds) * 1000);
  }
}

async function exchangeOnce(connection: Connection, sent: OutgoingRequest): Promise<Answer> {
  const { origin, basePath, socketPath } = connection.server;
  const { method, path, headers, body } = sent;
  // Not at the top: `queuepass --help` starts in half the time without it.
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
    throw explainNoAnswer(error as Error, connection, timeLimitMs / 1000);
  }
}
