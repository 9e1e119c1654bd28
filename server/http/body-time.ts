import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from '../errors/api-error.js';
import { httpErrors } from './errors.js';

/** The times that a body may take. */
export interface BodyTimes {
  /** Milliseconds that every body may take. */
  baseMs: number;
  /** A body gets one more second for each of these bytes, so this is its minimum rate after `baseMs`. */
  bytesPerSecond: number;
  /** Maximum milliseconds without a byte, for a body that was fast until then. */
  idleMs: number;
  /** Maximum milliseconds from a response to the end of a body that it did not wait for. */
  restMs: number;
  /** Milliseconds between two checks. */
  checkMs: number;
}

/** The times of all bodies. Node's own `requestTimeout` limits the total time, whatever the length of the body. */
export const bodyTimes: BodyTimes = {
  baseMs: 30_000,
  bytesPerSecond: 16 * 1024,
  idleMs: 120_000,
  restMs: 300_000,
  checkMs: 1000,
};

/** Returns whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Limits the time of one request's body, from the request's headers on. Time in which the server does not read the body
 * does not count. The connection of a body that is too slow is closed: with 408 during `refuseIfSlow`, otherwise without
 * a response.
 */
export class BodyTimer {
  readonly #startBytes: number;
  #timer: NodeJS.Timeout | undefined;
  #refuse: ((error: ApiError) => void) | undefined;
  #seenBytes = 0;
  #takenMs = 0;
  #idleMs = 0;
  #restMs = 0;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly times: BodyTimes,
  ) {
    this.#startBytes = request.socket.bytesRead;
    if (!hasBody(request)) return;
    this.#timer = setInterval(() => this.#check(), times.checkMs);
    this.#timer.unref();
    request.once('close', () => this.#end());
  }

  /** Settles as `work`, which reads the body. @throws ApiError 408 if the body gets too slow before */
  refuseIfSlow<T>(work: Promise<T>): Promise<T> {
    if (this.#timer === undefined) return work;
    return new Promise((resolve, reject) => {
      this.#refuse = reject;
      const settle = <V>(action: (value: V) => void) => {
        return (value: V) => {
          this.#refuse = undefined;
          action(value);
        };
      };
      work.then(settle(resolve), settle(reject));
    });
  }

  #check(): void {
    const { request, response, times } = this;
    if (request.complete || request.destroyed) return this.#end();
    if (response.writableEnded) this.#restMs += times.checkMs;
    // Node stops reading a connection while the bytes of a body wait to be used.
    else if (request.socket.isPaused() || request.readableLength > 0) return undefined;
    this.#takenMs += times.checkMs;
    const bytes = request.socket.bytesRead - this.#startBytes;
    this.#idleMs = bytes === this.#seenBytes ? this.#idleMs + times.checkMs : 0;
    this.#seenBytes = bytes;
    const allowedMs = times.baseMs + (bytes / times.bytesPerSecond) * 1000;
    if (this.#takenMs < allowedMs && this.#idleMs < times.idleMs && this.#restMs < times.restMs)
      return undefined;
    this.#end();
    if (this.#refuse === undefined) request.destroy();
    else this.#refuse(new ApiError(httpErrors.bodyTooSlow, { headers: { Connection: 'close' } }));
    return undefined;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
