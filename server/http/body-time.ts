import type { IncomingMessage } from 'node:http';

/** Maximum milliseconds from a request's headers to the end of its body. */
const maxBodyMs = 300_000;

/**
 * Closes the connection of a request whose body takes longer than `ms` milliseconds (default: 5 minutes). Node's own
 * `requestTimeout` does the same, but cannot exempt uploads.
 * @returns a function that lifts the limit
 */
export function limitBodyTime(request: IncomingMessage, ms = maxBodyMs): () => void {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && (length === undefined || length === '0')) return () => undefined;
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, ms);
  timer.unref();
  const cancel = () => clearTimeout(timer);
  request.once('close', cancel);
  return cancel;
}
