import type { IncomingMessage } from 'node:http';

/** Maximum milliseconds from a request's headers to the end of its body. */
const maxBodyMs = 300_000;

/** Returns whether a request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Closes the connection of a request whose body takes longer than `ms` milliseconds (default: 5 minutes). Node's own
 * `requestTimeout` does the same, but cannot exempt uploads.
 * @returns a function that lifts the limit
 */
export function limitBodyTime(request: IncomingMessage, ms = maxBodyMs): () => void {
  if (!hasBody(request)) return () => undefined;
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, ms);
  timer.unref();
  const cancel = () => clearTimeout(timer);
  request.once('close', cancel);
  return cancel;
}
