import type { IncomingMessage } from 'node:http';

/** Milliseconds that the body of a request has to come whole, from its headers on. */
const wholeBodyMs = 300_000;

/**
 * Cuts a request whose body takes longer than 5 minutes, as Node's own `requestTimeout` would, which cannot leave out
 * uploads. Gives what lifts that limit.
 */
export function limitBodyTime(request: IncomingMessage, ms = wholeBodyMs): () => void {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && (length === undefined || length === '0')) return () => undefined;
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, ms);
  timer.unref();
  const lift = () => clearTimeout(timer);
  request.once('close', lift);
  return lift;
}
